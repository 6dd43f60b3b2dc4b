"""What collectors do is taken once, whatever the network does; two at one stall are told so."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from core import clock
from core.sessions import ReadSession
from payments.collecting import blocks, commands
from payments.collecting.blocks import BlockUse, BlockValue
from payments.collecting.rates import list_collector_rates
from tests.support.markets import add_rate
from tests.support.stalls import MARKET, stall
from tests.support.system import System
from tests.support.walks import Walker, ledger_of, rows, walker

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: For tests that need a system to themselves.
alone = pytest.mark.asyncio(loop_scope="function")


async def taken(system: System, *ids: str) -> int:
    """How many of these actions are written down."""
    found = await rows(
        system, "SELECT count(*) FROM collected_action WHERE id = ANY(:ids)", ids=list(ids)
    )
    return int(found[0][0])


async def cash_in_books(system: System, *ids: str) -> int:
    """What the books have of these actions, in đồng."""
    found = await rows(
        system,
        "SELECT coalesce(sum(p.credited), 0) FROM payment p WHERE p.settlement_key = ANY(:keys)",
        keys=[f"cash:{one}" for one in ids],
    )
    return int(found[0][0])


@alone
async def test_cash_pays_the_oldest_first_and_is_money_of_the_books(system: System) -> None:
    at = await stall(system, "W-01")
    await at.owe(300_000, due_in=31)
    await at.owe(310_000, due_in=0)
    async with walker(system) as who:
        act = who.act("cash", stall=at.id, amount=400_000, owed=610_000)
        (answer,) = await who.send(act)
        assert (answer["outcome"], answer["again"]) == ("taken", False)
        await system.work()
        assert await at.statuses() == ["open", "paid"]
        assert await ledger_of(system) == {
            "collector_cash": 400_000,
            "revenue": -310_000,
            "suspense": -90_000,
        }
        (seen,) = [one for one in (await who.walk(MARKET))["stalls"] if one["id"] == at.id]
        assert (seen["owed"], seen["credit"], seen["held"]) == (210_000, 0, True)
        assert "Trần" not in str(seen)
    # A document proves it, and says how it was paid.
    bill = await system.read(at.bills[1])
    assert [one["amount"] for one in bill["documents"]] == [310_000]
    assert await system.broken() == []


async def test_the_same_action_told_again_has_the_same_answer(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "W-02")
    await at.owe(300_000)
    async with walker(system) as who:
        act = who.act("cash", stall=at.id, amount=300_000, owed=300_000)
        first = await who.send(act)
        # Twice at once, and once more when it was paid long ago.
        both = await asyncio.gather(who.send(act), who.send(act))
        await system.work()
        later = await who.send(act)
    for (answer,) in (*both, later):
        assert answer == first[0] | {"again": True}
    assert (await taken(system, act["id"]), await cash_in_books(system, act["id"])) == (1, 300_000)


async def test_the_same_id_with_another_content_is_refused(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "W-03")
    async with walker(system) as who, walker(system) as other:
        act = who.act("cash", stall=at.id, amount=300_000, owed=0)
        await who.send(act)
        (changed,) = await who.send(act | {"amount": 200_000})
        (stolen,) = await other.send(act)
    for answer in (changed, stolen):
        assert answer["outcome"] == "refused"
        assert "nội dung khác" in answer["why"][0]
    assert await cash_in_books(system, act["id"]) == 300_000


async def test_money_is_counted_twice_by_a_service_that_forgets_ids(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: each telling is taken for a new action."""
    system, at = shared_system, await stall(shared_system, "W-04")
    async with walker(system) as who:
        act = who.act("cash", stall=at.id, amount=10_000, owed=0)
        plain = commands.take_action

        async def forgetful(session, by, action, **more):  # type: ignore[no-untyped-def]
            return await plain(session, by, action.model_copy(update={"id": str(uuid4())}), **more)

        monkeypatch.setattr("app.web.staff.collecting.take_action", forgetful)
        for _ in range(2):
            await who.send(act)
    found = await rows(
        system,
        "SELECT count(*), sum(amount) FROM collected_action WHERE stall_id = :stall",
        stall=at.id,
    )
    assert tuple(found[0]) == (2, 20_000)


async def test_what_comes_out_of_order_comes_to_the_same(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "W-05")
    await at.owe(100_000, due_in=0)
    async with walker(system) as who:
        acts = [
            who.act("cash", stall=at.id, amount=60_000, owed=100_000),
            who.act("visit", stall=at.id, finding="absent"),
            who.act("cash", stall=at.id, amount=40_000, owed=40_000),
        ]
        answers = await who.send(*reversed(acts))
        assert [one["outcome"] for one in answers] == ["taken"] * 3
        await system.work()
    assert (await at.statuses(), await at.waiting()) == (["paid"], {})


async def test_two_collectors_at_one_debt_keep_both_and_the_second_is_told(
    shared_system: System,
) -> None:
    system, at = shared_system, await stall(shared_system, "W-06")
    await at.owe(300_000)
    async with walker(system) as one, walker(system) as two:
        acts = [w.act("cash", stall=at.id, amount=300_000, owed=300_000) for w in (one, two)]
        (first,) = await one.send(acts[0])
        (second,) = await two.send(acts[1])
    assert first["outcome"] == "taken"
    assert second["outcome"] == "conflict"
    assert "300.000 đ thành tiền trả trước" in second["why"][0]
    await system.work()
    assert (await at.statuses(), await at.waiting()) == (["paid"], {"stall_credit": 300_000})
    assert await cash_in_books(system, *(act["id"] for act in acts)) == 600_000
    assert await system.broken() == []


async def test_numbers_are_a_phones_own_and_cash_is_kept_whatever_its_number(
    shared_system: System,
) -> None:
    system, at = shared_system, await stall(shared_system, "W-07")
    async with walker(system) as one, walker(system) as two:
        assert not set(one.numbers) & set(two.numbers)
        assert len(one.numbers) == 50
        (foreign,) = await one.send(
            one.act("cash", stall=at.id, amount=1_000, owed=0, number=two.numbers[0])
        )
        used = one.numbers[0]
        mine = one.act("cash", stall=at.id, amount=2_000, owed=0)
        again = one.act("cash", stall=at.id, amount=3_000, owed=0, number=used)
        kept, twice = await one.send(mine, again)
        void, spoilt = await one.send(
            one.act("void", number=one.numbers[1]), one.act("void", number=used)
        )
    assert [a["outcome"] for a in (foreign, kept, twice, void, spoilt)] == [
        *("conflict", "taken", "conflict", "taken", "refused")
    ]
    found = await rows(
        system,
        "SELECT amount, number FROM collected_action WHERE stall_id = :stall ORDER BY amount",
        stall=at.id,
    )
    assert [tuple(row) for row in found] == [(1_000, None), (2_000, used), (3_000, None)]
    assert await at.waiting() == {"stall_credit": 6_000}


async def test_phones_that_ask_at_once_get_blocks_apart(shared_system: System) -> None:
    async with walker(shared_system) as who:
        phones = [Walker(shared_system, who.browser) for _ in range(4)]
        await asyncio.gather(*(phone.send() for phone in phones))
    numbers = [number for phone in phones for number in phone.numbers]
    assert len(numbers) == len(set(numbers)) == 200


async def test_another_reading_of_the_day_is_not_overwritten(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "W-08")
    today = clock.business_date(clock.now())
    told = {"stall": at.id, "meter": "water", "read_on": today.isoformat()}
    async with walker(system) as one, walker(system) as two:
        first, same, other, back = await one.send(
            one.act("reading", shows=120, **told),
            one.act("reading", shows=120, **told),
            one.act("reading", shows=125, **told),
            one.act("reading", shows=130, **told | {"read_on": "2026-01-05"}),
        )
        (late,) = await two.send(two.act("reading", shows=121, **told))
    assert [a["outcome"] for a in (first, same, other, back, late)] == [
        *("taken", "taken", "refused", "refused", "refused")
    ]
    assert "120" in late["why"][0]
    found = await rows(
        system, "SELECT shows FROM meter_reading WHERE stall_id = :stall", stall=at.id
    )
    assert [row[0] for row in found] == [120]


async def test_tickets_are_bills_of_their_own_paid_at_once(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "W-09")
    async with system.parts.database.transaction() as session:
        rate = {"kind": "entry", "code": "vang-lai", "name": "Vé vãng lai", "name_en": "Entry"}
        await add_rate(
            session,
            at.market_id,
            per="entry",
            rate=3_000,
            vat_included=False,
            vat_percent=10,
            **rate,
        )
    async with walker(system) as who:
        told = {"market": at.market_id, "code": "vang-lai"}
        right, wrong, gone = await who.send(
            who.act("ticket", quantity=2, amount=6_600, **told),
            who.act("ticket", quantity=2, amount=6_000, **told),
            who.act("ticket", quantity=1, amount=5_000, **told | {"code": "khac"}),
        )
        assert [one["price"] for one in (await who.walk(MARKET))["tickets"]] == [3_300]
    assert [a["outcome"] for a in (right, wrong, gone)] == ["taken", "conflict", "conflict"]
    await system.work()
    found = await rows(
        system,
        "SELECT b.amount, b.status, (SELECT count(*) FROM payment_document d"
        " WHERE d.bill_id = b.id) FROM bill b WHERE b.channel = 'ticket' ORDER BY b.amount DESC",
    )
    assert [tuple(row) for row in found] == [
        (6_600, "paid", 1),
        (6_000, "paid", 1),
        (5_000, "paid", 1),
    ]
    assert await system.broken() == []


async def test_what_cannot_be_done_is_refused_one_by_one_and_the_rest_is_taken(
    shared_system: System,
) -> None:
    system, at = shared_system, await stall(shared_system, "W-10")
    async with walker(system) as who:
        answers = await who.send(
            {"id": "x", "kind": "cash"},
            who.act("cash", stall="stall_none", amount=5_000, owed=0),
            who.act("cash", stall=at.id, amount=0, owed=0),
            who.act("visit", stall=at.id, finding="closed"),
        )
        outcomes = [one["outcome"] for one in answers]
        assert outcomes == ["refused", "refused", "refused", "taken"]
        too_many = await who.browser.post("/collect/actions", {"actions": "[" + "0," * 200 + "0]"})
        assert too_many.status_code == 422
    # Money that could not be booked is not forgotten: the cash book has it.
    found = await rows(
        system, "SELECT sum(amount) FROM collected_action WHERE payment_id IS NULL AND amount > 0"
    )
    assert found[0][0] == 5_000


async def test_cash_that_could_not_be_booked_is_no_call_at_a_stall(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "W-12")
    other, third = [await stall(shared_system, code) for code in ("W-13", "W-14")]
    today = clock.business_date(clock.now())
    async with walker(system) as who:
        await who.send(
            who.act("visit", stall=at.id, finding="closed"),
            who.act("cash", stall=other.id, amount=5_000, owed=0),
        )
        # As where the body has no account that it could go to.
        unbooked = """
            INSERT INTO collected_action (id, agency_id, collector_id, device, kind, stall_id,
              amount, told, told_hash, done_at, received_at, outcome, reason, figures)
            SELECT 'unbooked', agency_id, collector_id, device, 'cash',
              :third, 7000, told, told_hash, done_at, received_at, 'refused', 'no_account', figures
            FROM collected_action WHERE stall_id = :at AND kind = 'visit' RETURNING collector_id"""
        ((collector,),) = await rows(system, unbooked, at=at.id, third=third.id)
    async with system.parts.database.reading() as session:
        told = await list_collector_rates(session, [system.body.agency_id], today, today)
    (own,) = [one for one in told if one.collector_id == collector]
    assert (own.called, own.paid, own.cash) == (2, 1, 5_000)


async def test_a_clock_that_is_wrong_moves_no_money_to_another_day(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "W-11")
    now = clock.now()
    async with walker(system) as who:
        early, late, right = (
            who.act("cash", stall=at.id, amount=1_000, owed=0)
            | {"done_at": (now + timedelta(days=days)).isoformat()}
            for days in (-90, 3, -1)
        )
        answers = await who.send(early, late, right)
    assert [one["outcome"] for one in answers] == ["conflict", "conflict", "taken"]
    found = await rows(
        system,
        "SELECT paid_at FROM payment WHERE reference = :of ORDER BY paid_at",
        of=at.reference,
    )
    days = [(clock.business_date(now) - clock.business_date(row[0])).days for row in found]
    assert days == [1, 0, 0]


async def test_a_phone_that_has_used_a_block_up_is_not_read_again_for_it(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, looked_at = shared_system, []
    real = blocks.uses_of

    async def seen(session: ReadSession, agency_id: str, of: list[BlockValue]) -> list[BlockUse]:
        looked_at.append([one.first for one in of])
        return await real(session, agency_id, of)

    async with walker(system) as who:
        first = who.numbers[0]
        # All but the first are void: that one was passed over, and is not given away any more.
        voids = [who.act("void", number=number) for number in who.numbers[1:]]
        await who.send(*voids)
        monkeypatch.setattr(blocks, "uses_of", seen)
        await who.send()
    assert [of for of in looked_at if first in of] == []
    assert looked_at != [[]]
