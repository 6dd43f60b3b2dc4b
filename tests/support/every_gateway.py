"""Accounts at every registered gateway for a system, without naming one."""

from collections.abc import Iterable

from adapters.registry import ADAPTERS
from adapters.sandbox.engine.discovery import demo_credentials
from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from payments.gateway_info import GatewayKind
from tests.support.system import System

#: The gateways there are, whichever they are.
GATEWAYS = [n for n, made in ADAPTERS.items() if made.info.kind is GatewayKind.GATEWAY]
#: The feeds likewise.
FEEDS = [n for n, made in ADAPTERS.items() if made.info.kind is GatewayKind.FEED]
#: The last part of their callback paths.
PLACE = "every"


async def open_every_account(
    system: System, names: Iterable[str] = GATEWAYS
) -> dict[str, dict[str, str]]:
    """Open an account at each gateway, here and in the sandbox; the credentials by name.

    Where the system has an account of its own already, that one stays the one that is chosen.
    """
    made_up = {}
    async with system.parts.database.transaction() as session:
        for name in names:
            credentials = demo_credentials(name, DEMO_ACCOUNT)
            assert credentials is not None, f"nobody plays {name}"
            made_up[name] = credentials
            row_id = await configure_gateway(
                session,
                system.parts.cipher,
                agency_id=system.body.agency_id,
                collection_account_id=system.body.collection_account_id,
                gateway=name,
                account=PLACE,
                base_url=f"{system.sandbox_url}/{name}",
                credentials=credentials,
            )
            assert row_id
            callback_url = f"{system.base_url}/callbacks/{name}/{PLACE}"
            system.sandbox.open(name, credentials, callback_url)
    system.parts.payments.agencies.forget()
    return made_up
