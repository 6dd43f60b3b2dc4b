"""Two bodies' accounts at one gateway that bear one secret: nobody tells of the other's money."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from app.knowledge import KNOWLEDGE
from core import clock
from core.errors import Invalid
from payments.agencies import gateways
from payments.attempts import results
from tests.support.callbacks import call, order_of, result_of
from tests.support.gateway_setups import MERCHANT
from tests.support.neighbour import Neighbour, neighbour_of
from tests.support.places import looking
from tests.support.rows import count
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def configure(
    system: System,
    agency_id: str,
    credentials: dict[str, str] | None,
    *,
    account: str = "beside",
    keep_hours: int | None = None,
) -> None:
    async with system.parts.database.transaction() as session:
        await gateways.configure_gateway(
            session,
            system.parts.cipher,
            KNOWLEDGE,
            agency_id=agency_id,
            collection_account_id=system.body.collection_account_id,
            gateway="paygov",
            account=account,
            base_url=f"{system.sandbox_url}/paygov",
            credentials=credentials,
            keep_hours=keep_hours,
            actor="system:test",
        )
    system.parts.payments.agencies.forget()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def neighbour(shared_system: System) -> AsyncIterator[Neighbour]:
    async with neighbour_of(shared_system, unit=True) as found:
        yield found


async def test_another_bodys_credentials_are_refused(
    shared_system: System, neighbour: Neighbour
) -> None:
    with pytest.raises(Invalid) as caught:
        await configure(shared_system, neighbour.agency_id, dict(MERCHANT))
    assert [(one.field, one.code) for one in caught.value.errors] == [("credentials", "shared")]
    await configure(shared_system, neighbour.agency_id, MERCHANT | {"secret_key": "another"})


async def test_the_secrets_before_are_another_bodys_while_they_are_taken(
    shared_system: System, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, then = MERCHANT | {"secret_key": "first"}, MERCHANT | {"secret_key": "then"}
    await configure(shared_system, neighbour.agency_id, first)
    await configure(shared_system, neighbour.agency_id, then, keep_hours=2)
    own = shared_system.body.agency_id
    with pytest.raises(Invalid) as caught:
        await configure(shared_system, own, first, account="own")
    assert [(one.field, one.code) for one in caught.value.errors] == [("credentials", "shared")]
    now = clock.now()
    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: now + timedelta(hours=3))
        await configure(shared_system, own, first, account="own")


async def test_hours_without_new_secrets_are_refused(
    shared_system: System, neighbour: Neighbour
) -> None:
    with pytest.raises(Invalid) as caught:
        await configure(shared_system, neighbour.agency_id, None, keep_hours=2)
    assert [(one.field, one.code) for one in caught.value.errors] == [("credentials", "missing")]


async def beside(system: System, neighbour: Neighbour) -> str:
    """An account of before, when nobody compared credentials; its callback path."""
    with pytest.MonkeyPatch.context() as before:
        before.setattr(gateways, "_refuse_shared", lambda *_: asyncio.sleep(0))
        await configure(system, neighbour.agency_id, dict(MERCHANT))
    return "/callbacks/paygov/beside"


async def test_an_order_is_told_of_by_its_own_account_alone(
    shared_system: System, neighbour: Neighbour
) -> None:
    system, path = shared_system, await beside(shared_system, neighbour)
    bill = await system.create_bill()
    told = result_of(system, order_of(system, await system.start(bill)))
    async with looking(system) as seen:
        answer = await system.browser.post(
            path, content=told, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 200
    assert (seen[0].payments, seen[0].ledger) == ([], {})
    aside = "state = 'set_aside' AND last_error LIKE '%another account%'"
    assert await count(system.parts.database, "callback", aside) == 1
    # The right account still can.
    await call(system, told)
    assert (await system.read(bill))["status"] == "paid"


async def test_without_the_orders_owner_money_would_be_made(
    shared_system: System, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: taken for a stranger's order, it is money on the neighbour's account."""

    async def nobody(*_: object) -> None:
        return None

    monkeypatch.setattr(results, "find_order_account", nobody)
    system, path = shared_system, await beside(shared_system, neighbour)
    bill = await system.create_bill()
    told = result_of(system, order_of(system, await system.start(bill)))
    async with looking(system) as seen:
        await system.browser.post(path, content=told, headers={"Content-Type": "application/json"})
    assert seen[0].waiting == [("suspense", "unknown_reference", 5000)]
