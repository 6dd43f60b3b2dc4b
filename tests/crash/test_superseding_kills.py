"""SIGKILL while a statement or a settlement file is superseded: the old stands, or the new."""

from typing import Any

import httpx2
from sqlalchemy import text

from app.seed.agency import DEMO_ACCOUNT
from core.db import Database
from core.ids import new_id
from tests.api.test_withdrawals import HEADER as OF_STATEMENT
from tests.api.test_withdrawals import bank_ref, line
from tests.crash.harness import CrashSystem, kept
from tests.crash.payer import Payer
from tests.crash.test_closing_kills import ask, judged, keys_of_office, run_day
from tests.support.settlements import GATEWAY, HEADER, new_batch, settled

#: What there has to be once both were superseded: versions, and which of them stands.
STANDING = {
    "statements": "SELECT version, withdrawn_at IS NULL FROM statement ORDER BY version",
    "settlements": "SELECT version, superseded_at IS NULL FROM settlement ORDER BY version",
    "lines": "SELECT amount, direction FROM statement_line WHERE withdrawn_at IS NULL"
    " ORDER BY amount",
    "rows": "SELECT amount, fee FROM settlement_line WHERE withdrawn_at IS NULL",
    "told": "SELECT action, count(*) FROM audit_entry WHERE action = 'statement.superseded'"
    " GROUP BY action",
}
SUPERSEDED = {
    "statements": [(1, False), (2, True)],
    "settlements": [(1, False), (2, True)],
    "lines": [(5000, "credit"), (6000, "credit")],
    "rows": [(7000, 77)],
    "told": [("statement.superseded", 1)],
}


async def standing(system: CrashSystem) -> dict[str, list[tuple[Any, ...]]]:
    database = Database(system.ground.server.url(system.database), pool_size=1)
    try:
        async with database.transaction() as session:
            return {
                name: [tuple(row) for row in await session.execute(text(query))]
                for name, query in STANDING.items()
            }
    finally:
        await database.dispose()


async def send(
    system: CrashSystem, secret: str, path: str, lines: tuple[str, ...], **form: str
) -> httpx2.Response:
    sent = {"files": {"file": ("tep.csv", "\n".join(lines).encode(), "text/csv")}, "data": form}
    answer = await ask(system, secret, path, new_id("k"), **sent)
    assert answer.status_code in (201, 202), answer.text
    return answer


async def approve(system: CrashSystem, secret: str, approval: str) -> httpx2.Response:
    return await ask(system, secret, f"/approvals/{approval}/approve")


async def newer_statement(system: CrashSystem, keys: dict[str, str]) -> str:
    """A statement, one line of it recorded as money, and a newer one without that line: asked."""
    bill = await Payer(system).create_bill()
    same, gone = line(5000, "NOP", bank_ref()), line(bill["amount"], bill["reference"], bank_ref())
    form = {"account": DEMO_ACCOUNT, "mapping": "lephi-basic"}
    told = await send(system, keys["finance"], "/statements", (OF_STATEMENT, same, gone), **form)
    run = await run_day(system, keys["finance"])
    assert run["summary"]["statement_alone"]["count"] == 1
    lines = OF_STATEMENT, same, line(6000, "NOP", bank_ref())
    path = f"/statements/{told.json()['id']}/supersede"
    more = {"mapping": "lephi-basic", "reason": "phát hành lại"}
    return str((await send(system, keys["finance"], path, lines, **more)).json()["id"])


async def newer_settlement(system: CrashSystem, keys: dict[str, str]) -> str:
    """A settlement file, and a newer version of another amount: asked for."""
    batch, number = new_batch(), new_id("g")
    lines = HEADER, settled(batch, number, 5000, 55)
    form = {"gateway": GATEWAY, "mapping": "lephi-settlement"}
    told = await send(system, keys["finance"], "/settlements", lines, **form)
    lines = HEADER, settled(batch, number, 7000, 77)
    path = f"/settlements/{told.json()['id']}/versions"
    more = {"mapping": "lephi-settlement", "reason": "phát hành lại"}
    asked = await send(system, keys["finance"], path, lines, **more)
    return str(asked.json()["approval"]["id"])


async def test_a_kill_at_any_place_leaves_nothing_half_superseded(system: CrashSystem) -> None:
    keys, faults = await keys_of_office(system), []
    await system.open()
    async with kept(system):
        for asked, place in ((newer_statement, "taken"), (newer_settlement, "ended")):
            approval = await asked(system, keys)
            system.arm(f"superseding.after_{place}=kill:1", "approval.before_commit=kill:1")
            done = await approve(system, keys["chief"], approval)
            assert done.status_code == 200 or done.json()["code"] == "already_decided", done.text
            faults += await judged(system)
    system.assert_killed(*["serve"] * 4)
    assert faults == []
    assert await standing(system) == SUPERSEDED


async def test_superseding_in_two_steps_is_caught(system: CrashSystem) -> None:
    """The negative control: the newer statement stands before the one before has ended."""
    keys = await keys_of_office(system)
    await system.open("superseding.after_taken=kill:1", variant="supersede_in_two")
    async with kept(system):
        done = await approve(system, keys["chief"], await newer_statement(system, keys))
        assert done.json()["code"] == "already_taken", done.text
    assert (await standing(system))["statements"] == [(1, True), (2, True)]
