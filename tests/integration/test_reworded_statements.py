"""A statement's line that a later export puts in other words is stored once, never two as one."""

from typing import Any

import pytest
from sqlalchemy import text

from core import clock
from core.clock import VIETNAM
from core.ids import new_id
from reconciliation.statements import taking
from tests.support.staff import finance_office
from tests.support.statements import reconcile
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADER = "Ngày hạch toán;Số tham chiếu;Nội dung;Phát sinh nợ;Phát sinh có;Số dư"


def bank_ref() -> str:
    return f"FT26{int(new_id('ft')[-10:], 16) % 10**10:010d}"


def file_of(*lines: tuple[str, str, int | None], time: str = "") -> bytes:
    """Credits of 5,000 đ of today, each with reference, words and running balance."""
    at = f"{clock.now().astimezone(VIETNAM):%d/%m/%Y}{time}"
    rows = [
        f"{at};{ref};{words};;5000;{'' if told is None else told}" for ref, words, told in lines
    ]
    sums = [f"Cộng phát sinh;;;0;{5000 * len(lines)};", f"Số giao dịch;{len(lines)};;;;"]
    return "\n".join([HEADER, *rows, *sums, ""]).encode()


async def take(system: System, *lines: tuple[str, str, int | None], time: str = "") -> Any:
    """Take such credits in."""
    answer = await system.office.post(
        "/api/v1/statements",
        files={"file": ("sao-ke.csv", file_of(*lines, time=time), "text/csv")},
        data={"account": system.body.collection_code, "mapping": "kbnn-so-phu"},
        headers={"Idempotency-Key": new_id("k")},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def standing(system: System, ref: str) -> int:
    """How many lines stand that bear a reference, whatever its label."""
    async with system.parts.database.transaction() as session:
        wanted = text(
            "SELECT count(*) FROM statement_line"
            " WHERE bank_ref LIKE :ref || '%' AND withdrawn_at IS NULL"
        )
        return int(await session.scalar(wanted, {"ref": ref}) or 0)


NOON = " 12:00:00"


async def test_a_line_in_other_words_or_with_a_label_is_one_line(shared_system: System) -> None:
    system, ref = shared_system, bank_ref()
    first = await take(system, (ref, "NGUYEN VAN A CK", 105_000), time=NOON)
    assert first["new"] == 1
    other = (bank_ref(), "khac", 110_000)
    told = ((ref, "CT DI:9704 NGUYEN VAN A-CHUYEN TIEN", 105_000), other)
    assert (await take(system, *told, time=NOON))["new"] == 1
    labelled = await take(system, (f"{ref}/VCB", "A CK", 105_000), other, time=NOON)
    assert (labelled["new"], await standing(system, ref)) == (0, 1)
    # It stands as long as one file has it.
    office = await finance_office(system)
    asked = await office.post(f"/statements/{first['id']}/withdraw", {"reason": "nhầm"})
    await office.approve(asked.json())
    assert await standing(system, ref) == 1
    assert await system.broken() == []


@pytest.mark.parametrize(
    ("lines", "time"),
    [
        ([("{}", "B CK", 110_000)], NOON),
        ([("{}", "B CK", None)], NOON),
        ([("{}", "B CK", 105_000)], " 12:00:01"),
        ([("{}9", "B CK", 105_000)], NOON),
        # Both in one file: nobody knows which of them the line is.
        ([("{}", "B CK", 105_000), ("{}", "C CK", 110_000)], NOON),
    ],
)
async def test_what_tells_otherwise_is_a_line_of_its_own(
    shared_system: System, lines: list[tuple[str, str, int | None]], time: str
) -> None:
    system, ref = shared_system, bank_ref()
    await take(system, (ref, "A CK", 105_000), time=NOON)
    told = [(written.format(ref), words, balance) for written, words, balance in lines]
    assert (await take(system, *told, time=time))["new"] == len(lines)
    assert await standing(system, ref) == 1 + len(lines)


async def test_where_only_a_day_is_told_nothing_is_guessed(shared_system: System) -> None:
    system, ref = shared_system, bank_ref()
    for words in ("A CK", "A CHUYEN KHOAN"):
        assert (await take(system, (ref, words, 105_000)))["new"] == 1


async def test_a_label_beside_a_payers_reference_is_no_second_line(shared_system: System) -> None:
    system, ref = shared_system, bank_ref()
    bill = await system.create_bill()
    await take(system, (ref, f"{bill['reference']} nop phi", None), time=NOON)
    again = await take(system, (f"{ref}/VCB", f"CT DI:9704 {bill['reference']}", None), time=NOON)
    assert (again["new"], await standing(system, ref)) == (0, 1)
    run = await reconcile(system)
    assert run["summary"]["duplicate"]["count"] == 0
    assert await system.broken() == []


async def test_a_new_version_does_what_two_people_were_shown(shared_system: System) -> None:
    """Its words are the bank's last: a payer whom they name no more is not kept by the old line."""
    system, ref = shared_system, bank_ref()
    bill, office = await system.create_bill(), await finance_office(system)
    first = await take(system, (ref, f"{bill['reference']} nop phi", 405_000), time=NOON)
    asked = await system.browser.post(
        f"/api/v1/statements/{first['id']}/supersede",
        files={"file": ("moi.csv", file_of((ref, "KHAC", 405_000), time=NOON), "text/csv")},
        data={"mapping": "kbnn-so-phu", "reason": "phát hành lại"},
        headers=office.clerk | {"Idempotency-Key": new_id("k")},
    )
    assert asked.status_code == 202, asked.text
    assert asked.json()["figures"]["withdrawn"] == 1
    outcome = (await office.approve(asked.json()))["outcome"]
    assert (outcome["new"], outcome["withdrawn"]["lines"]) == (1, 1)
    assert await standing(system, ref) == 1
    assert await system.broken() == []


async def test_one_who_knows_lines_by_their_words_alone_is_seen_to_have_two(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    monkeypatch.setattr(taking, "line_of_each", lambda pairs: {})
    system, ref = shared_system, bank_ref()
    for words in ("A CK", "A CHUYEN KHOAN"):
        await take(system, (ref, words, 105_000), time=NOON)
    assert await standing(system, ref) == 2
