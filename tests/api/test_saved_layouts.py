"""A layout is proposed, looked at, saved with the file that it reads, and statements name it."""

import json
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core import clock
from core.clock import VIETNAM
from core.ids import new_id
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office, key_of_person
from tests.support.statements import reconcile, release
from tests.support.system import System

LAYOUTS = "/api/v1/statement-layouts"


def statement(*lines: str, totals: bool = True) -> bytes:
    """A bank's export that no layout of ours is of: amount, side, narrative and reference."""
    now = f"{clock.now().astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"
    rows = ["NGAN HANG THU NGHIEM;;;;", "Thời gian GD;Diễn giải;Số CT;Ghi nợ;Ghi có"]
    sums = {"debit": 0, "credit": 0}
    for line in lines:
        amount, direction, narrative, bank_ref = line.split("|")
        sums[direction] += int(amount)
        sides = f"{amount};" if direction == "debit" else f";{amount}"
        rows.append(f"{now};{narrative};{bank_ref};{sides}")
    if totals:
        rows.append(f"Tổng cộng;;;{sums['debit']};{sums['credit']}")
    return ("\n".join(rows) + "\n").encode()


def sent(system: System, content: bytes, **form: str) -> dict[str, Any]:
    return {
        "files": {"file": ("sao-ke.csv", content, "text/csv")},
        "data": {"account": system.body.collection_code} | form,
    }


async def proposed(office: FinanceOffice, content: bytes) -> dict[str, Any]:
    """The layout that the preview proposes."""
    answer = await office.system.browser.post(
        "/api/v1/statements/preview", **sent(office.system, content), headers=office.clerk
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told["proposed"], told
    layout: dict[str, Any] = told["layout"]
    return layout


async def save(
    office: FinanceOffice,
    content: bytes,
    layout: dict[str, Any],
    *,
    who: dict[str, str] | None = None,
    **form: str,
) -> httpx2.Response:
    wanted = {"name": "ngan-hang-thu", "layout": json.dumps(layout)} | form
    return await office.system.browser.post(
        LAYOUTS,
        **sent(office.system, content, **wanted),
        headers=(who or office.clerk) | {"Idempotency-Key": new_id("k")},
    )


async def take(system: System, content: bytes, mapping: str = "ngan-hang-thu") -> httpx2.Response:
    return await system.office.post(
        "/api/v1/statements",
        **sent(system, content, mapping=mapping),
        headers={"Idempotency-Key": new_id("k")},
    )


async def test_a_layout_is_proposed_saved_and_named_by_later_statements(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    sample = statement("7000|credit|thu khac|FT1", "2000|debit|ket chuyen|FT2")
    problem(await take(system, sample), 422, "unknown_mapping")
    made = await save(office, sample, await proposed(office, sample))
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["name"], told["version"], told["rows"]) == ("ngan-hang-thu", 1, 2)
    assert told["vouched"]
    taken = await take(system, statement(f"5000|credit|NOP {bill['reference']}|FT3"))
    assert taken.status_code == 201, taken.text
    run = await reconcile(system)
    assert run["summary"]["matched"] == {"count": 1, "sum": 5000}
    await release(system, taken.json())
    assert (await system.read(bill))["status"] == "paid"
    listed = await system.office.get(LAYOUTS, params={"account": system.body.collection_code})
    assert [one["id"] for one in listed.json()["items"]] == [told["id"]]
    async with system.parts.database.transaction() as session:
        logged = await session.scalars(
            text("SELECT object_id FROM audit_entry WHERE action = 'layout.saved'")
        )
        assert list(logged) == [told["id"]]
        with pytest.raises(DBAPIError, match="only ever added"):
            await session.execute(text("UPDATE saved_layout SET version = 2"))


async def test_without_totals_or_balances_nothing_settles_as_a_whole(system: System) -> None:
    office, bill = await finance_office(system), await system.create_bill()
    sample = statement("7000|credit|thu khac|FT1", totals=False)
    made = await save(office, sample, await proposed(office, sample))
    assert made.json()["vouched"] is False
    told = statement(f"5000|credit|NOP {bill['reference']}|FT3", totals=False)
    taken = await take(system, told)
    assert taken.status_code == 201, taken.text
    await reconcile(system)
    assert (await system.read(bill))["status"] == "open"
    asked = await office.post(f"/statements/{taken.json()['id']}/release", {"reason": "thử"})
    problem(asked, 409, "nothing_vouches")


async def test_a_layout_that_does_not_read_its_sample_is_refused_and_says_why(
    system: System,
) -> None:
    office = await finance_office(system)
    sample = statement("7000|credit|thu khac|FT1")
    layout = await proposed(office, sample)
    wrong = layout | {"columns": layout["columns"] | {"narrative": "Không có cột này"}}
    assert "Không có cột này" in str(problem(await save(office, sample, wrong), 422)["errors"])
    times = layout | {"times": ["%Y%m%d"]}
    assert problem(await save(office, sample, times), 422)["errors"][0]["field"]
    empty = statement(totals=False)
    assert "no_rows" in str(problem(await save(office, empty, layout), 422)["errors"])
    problem(await save(office, sample, layout | {"extra": 1}), 422, "bad_layout")
    for name in ("kbnn-so-phu", "mt940", "proposed", "Tên Mẫu"):
        assert "name" in str(problem(await save(office, sample, layout, name=name), 422)["errors"])
    async with system.parts.database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM saved_layout")) == 0


async def test_a_later_version_holds_from_its_day_and_changes_nothing_before(
    system: System,
) -> None:
    office = await finance_office(system)
    sample = statement("7000|credit|thu khac|FT1")
    layout = await proposed(office, sample)
    assert (await save(office, sample, layout)).status_code == 201
    renamed = sample.replace("Diễn giải".encode(), "Nội dung GD".encode())
    columns = layout["columns"] | {"narrative": "Nội dung GD"}
    later = clock.business_date(clock.now()) + timedelta(days=1)
    made = await save(office, renamed, layout | {"columns": columns}, valid_from=str(later))
    assert (made.json()["version"], made.json()["valid_from"]) == (2, str(later))
    assert (await take(system, sample)).status_code == 201
    problem(await take(system, renamed), 422)
    before = str(date(2026, 1, 1))
    assert "in_the_past" in str(
        problem(await save(office, sample, layout, valid_from=before), 422)["errors"]
    )


async def test_a_layout_is_its_bodys_and_its_units_and_nobody_elses(system: System) -> None:
    office = await finance_office(system)
    sample = statement("7000|credit|thu khac|FT1")
    layout = await proposed(office, sample)
    problem(await save(office, sample, layout, who=await key_of_person(system, "clerk")), 403)
    async with neighbour_of(system) as other:
        theirs = await key_of_person(system, "finance", agency_id=other.agency_id)
        problem(await save(office, sample, layout, who=theirs), 404)
