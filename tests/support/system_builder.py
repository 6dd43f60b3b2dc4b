"""What every world of the tests begins with: a body, its catalogue, an API key, its accounts.

`build_system` seeds a database; `system_template` does so once for a whole run, and each system
then gets a copy of that database and of the keys that its secrets are sealed with.
"""

import asyncio
import json
import shutil
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from app.seed.agency import DemoBody, configure_gateway, seed_body
from app.seed.catalogue import seed_catalogue
from app.wiring import parts_of
from core.crypto import Cipher
from core.sessions import WriteSession
from core.settings import Settings
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.rights import Scope
from tests.support.database import PostgresServer
from tests.support.gateway_setups import ACCOUNT, EVERY, GatewaySetup

#: Where a gateway is until a sandbox is up: nothing listens there.
NOWHERE = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Seeded:
    """What is in a built system: the body, and its keys: a portal's, and its office's."""

    body: DemoBody
    api_key: str = field(repr=False)
    office_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SystemTemplate:
    """A built system that copies are made of: its database on the run's server, the folder of its
    keys, and what is in it."""

    server: PostgresServer
    database: str
    data_dir: Path
    seeded: Seeded

    def copy(self) -> AbstractContextManager[str]:
        """The URL of a copy of the database, dropped after the block."""
        return self.server.database(self.database)

    def copy_keys(self, data_dir: Path) -> None:
        """Give a copy the keys that open its secrets."""
        shutil.copytree(self.data_dir, data_dir, dirs_exist_ok=True)


async def build_system(
    session: WriteSession,
    cipher: Cipher,
    accounts: Iterable[GatewaySetup] = EVERY,
    *,
    gateways_at: str = NOWHERE,
) -> Seeded:
    """Seed the demonstration body, its catalogue, keys and these accounts; the caller commits.

    The gateways are at `gateways_at`/name.
    """
    body = await seed_body(session)
    await seed_catalogue(session, local={"ha-noi": body.agency_id})
    _, api_key = await create_api_key(session, agency_id=body.agency_id, label="test")
    _, office_key = await create_api_key(
        session,
        agency_id=body.agency_id,
        label="office",
        scopes=(Scope.STATEMENTS, Scope.RECONCILIATION, Scope.CATALOGUE),
    )
    for setup in accounts:
        await configure_gateway(
            session,
            cipher,
            agency_id=body.agency_id,
            collection_account_id=body.collection_account_id,
            gateway=setup.name,
            account=ACCOUNT,
            base_url=f"{gateways_at}/{setup.name}",
            credentials=setup.credentials,
        )
    return Seeded(body, api_key, office_key)


def system_template(server: PostgresServer) -> SystemTemplate:
    """The run's built system, made by whichever worker asks first."""
    name = "lephi_system"
    data_dir = server.run / name

    async def build(url: str) -> str:
        settings = Settings(mode="test", database_url=url, data_dir=data_dir, log_level="error")
        async with parts_of(settings) as parts, parts.database.transaction() as session:
            return json.dumps(asdict(await build_system(session, parts.cipher)))

    told = json.loads(server.template(name, lambda url: asyncio.run(build(url))))
    seeded = Seeded(DemoBody(**told["body"]), told["api_key"], told["office_key"])
    return SystemTemplate(server, name, data_dir, seeded)
