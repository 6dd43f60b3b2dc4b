"""Receivers of webhooks on pages: how each stands, what it was told, sending again, switching."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from core.ids import new_id
from tests.support.every_route import Things, keys_of
from tests.support.markup import cells_of, tree_of, words_of
from tests.support.neighbour import neighbour_of
from tests.support.plans import asked, without_index
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.staff_routes import SETTINGS
from tests.support.system import System
from tests.support.webhook_things import one_receiver

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEBHOOKS = f"{SETTINGS}/webhooks"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "admin") as browser:
        yield browser


async def receiver(system: System, *states: str) -> str:
    """A receiver that was told of as many things, each in its state; its page."""
    things = Things(system, await keys_of(system, system.body.agency_id))
    endpoint_id = await one_receiver(things)
    rows = [
        {
            "id": new_id("msg"),
            "endpoint": endpoint_id,
            "sequence": number,
            "object": new_id("bill"),
            "state": state,
            "attempts": 3 if state == "set_aside" else 1,
            "status": 204 if state == "acknowledged" else None,
            "error": "ConnectError" if state == "set_aside" else None,
        }
        for number, state in enumerate(states, 1)
    ]
    async with system.parts.database.transaction() as session:
        for row in rows:
            await session.execute(
                text(
                    "INSERT INTO webhook_message (id, endpoint_id, sequence, type, version,"
                    " object_id, told_at, state, attempts, last_status, last_error, waits_since)"
                    " VALUES (:id, :endpoint, :sequence, 'bill.paid', 1, :object, now(), :state,"
                    " :attempts, :status, :error, now())"
                ),
                row,
            )
        await session.execute(
            # Not called meanwhile: nothing of a test goes to the open internet.
            text(
                "UPDATE webhook_endpoint SET last_sequence = :last, enabled = false WHERE id = :id"
            ),
            {"last": len(rows), "id": endpoint_id},
        )
    return f"{WEBHOOKS}/{endpoint_id}"


async def states_of(system: System, page: str) -> list[str]:
    """The states of a receiver's messages, in their order."""
    async with system.parts.database.transaction() as session:
        rows = await session.scalars(
            text("SELECT state FROM webhook_message WHERE endpoint_id = :id ORDER BY sequence"),
            {"id": page.rpartition("/")[2]},
        )
        return list(rows)


def onces_of(page: str, action: str) -> list[str]:
    """What each form of a page to `action` is known again by."""
    found = tree_of(page).xpath(f"//form[@action='{action}']//input[@name='once']/@value")
    return [str(one) for one in found]


async def test_the_list_says_how_each_stands_and_how_much_it_has_not_taken(
    admin: StaffBrowser, shared_system: System
) -> None:
    page = await receiver(shared_system, "acknowledged", "set_aside", "set_aside", "waiting")
    shown = (await admin.get(WEBHOOKS)).text
    (row,) = tree_of(shown).xpath(f"//tr[.//a[@href='{page}']]")
    cells = [" ".join(cell.text_content().split()) for cell in row.xpath("./td")]
    assert cells[0].startswith("https://1.1.1.1/")
    assert cells[2:5] == ["Đã tắt: thông báo được đánh số và chờ", "1", "2"]
    file = await admin.get(f"{WEBHOOKS}?format=csv")
    assert file.status_code == 200
    assert cells[0] in file.text


async def test_a_receiver_shows_what_it_was_told_the_newest_first_with_the_last_answer(
    admin: StaffBrowser, shared_system: System
) -> None:
    page = await receiver(shared_system, "acknowledged", "set_aside", "waiting")
    rows = cells_of((await admin.get(page)).text)
    assert [row[0] for row in rows] == ["3", "2", "1"]
    assert [row[4] for row in rows] == [
        "Đang chờ gửi", "Không gửi được, để riêng", "Đã được nhận",
    ]  # fmt: skip
    assert [row[6] for row in rows] == ["–", "ConnectError", "HTTP 204"]
    aside = cells_of((await admin.get(f"{page}?state=set_aside")).text)
    assert [row[0] for row in aside] == ["2"]
    older = cells_of((await admin.get(f"{page}?cursor=2")).text)
    assert [row[0] for row in older] == ["1"]
    assert (await admin.get(f"{page}?state=lost")).status_code == 422


async def test_what_was_set_aside_is_sent_again_once_however_often_the_button_is_pressed(
    admin: StaffBrowser, shared_system: System
) -> None:
    page = await receiver(shared_system, "set_aside", "acknowledged", "set_aside")
    shown = (await admin.get(page)).text
    assert "Gửi lại 2 thông báo để riêng" in words_of(shown)
    once = onces_of(shown, f"{page}/replay")[0]
    first = await admin.post(f"{page}/replay", {"once": once})
    second = await admin.post(f"{page}/replay", {"once": once})
    assert first.headers["location"] == second.headers["location"] == page
    assert await states_of(shared_system, page) == ["waiting", "acknowledged", "waiting"]
    shown = words_of((await admin.get(first.headers["location"])).text)
    assert "Sẽ gửi lại 2 thông báo" in shown
    assert "Không có thông báo nào bị để riêng." in shown
    async with signed_in_as(shared_system, "admin") as other:
        assert "Sẽ gửi lại" not in words_of((await other.get(f"{page}?again=7")).text)
    async with shared_system.parts.database.transaction() as session:
        told = await session.execute(
            text(
                "SELECT count(*) FROM audit_entry WHERE action = 'webhook_endpoint.replayed'"
                " AND object_id = :id"
            ),
            {"id": page.rpartition("/")[2]},
        )
        assert told.scalar_one() == 1


@pytest.mark.parametrize(
    ("typed", "states"),
    [
        ({"first": "1", "last": "2"}, ["waiting", "acknowledged", "set_aside"]),
        ({"first": "2", "last": "2", "taken": "yes"}, ["set_aside", "waiting", "set_aside"]),
        ({"first": "2", "last": "2"}, ["set_aside", "acknowledged", "set_aside"]),
    ],
)
async def test_numbers_are_sent_again_and_what_was_taken_only_when_asked_for(
    admin: StaffBrowser, shared_system: System, typed: dict[str, str], states: list[str]
) -> None:
    page = await receiver(shared_system, "set_aside", "acknowledged", "set_aside")
    answer = await admin.post(f"{page}/replay", typed | {"once": new_id("o")})
    assert answer.status_code == 303, answer.text
    assert await states_of(shared_system, page) == states


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"first": "3", "last": "2"}, "last"),
        ({"first": "0", "last": "2"}, "first"),
        ({"first": "một", "last": "2"}, "first"),
        ({"first": "1", "last": "1e3"}, "last"),
    ],
)
async def test_numbers_that_are_none_are_refused_at_their_field_and_kept(
    admin: StaffBrowser, shared_system: System, typed: dict[str, str], field: str
) -> None:
    page = await receiver(shared_system, "set_aside")
    answer = await admin.post(f"{page}/replay", typed | {"once": new_id("o")})
    assert answer.status_code == 422
    assert tree_of(answer.text).xpath(f"//p[@id='{field}-fault']")
    (kept,) = tree_of(answer.text).xpath("//input[@id='first']/@value")
    assert kept == typed["first"]
    assert await states_of(shared_system, page) == ["set_aside"]


async def test_a_receiver_is_switched_on_and_off_and_its_messages_wait(
    admin: StaffBrowser, shared_system: System
) -> None:
    page = await receiver(shared_system, "waiting")

    async def enabled() -> Any:
        async with shared_system.parts.database.transaction() as session:
            return await session.scalar(
                text("SELECT enabled FROM webhook_endpoint WHERE id = :id"),
                {"id": page.rpartition("/")[2]},
            )

    assert await enabled() is False
    shown = (await admin.get(page)).text
    assert (await admin.send(shown, f"{page}/switch")).status_code == 303
    assert await enabled() is True
    shown = (await admin.get(page)).text
    assert "Tắt" in words_of(shown)
    assert (await admin.send(shown, f"{page}/switch")).status_code == 303
    assert await enabled() is False
    assert await states_of(shared_system, page) == ["waiting"]


async def test_a_place_that_no_number_reaches_is_refused(
    admin: StaffBrowser, shared_system: System
) -> None:
    page = await receiver(shared_system, "waiting")
    for cursor, status in (("9" * 16, 200), ("9" * 19, 422), ("9" * 20, 422)):
        assert (await admin.get(f"{page}?cursor={cursor}")).status_code == status, cursor


async def test_another_body_s_receiver_is_as_if_it_were_not_there(
    admin: StaffBrowser, shared_system: System
) -> None:
    page = await receiver(shared_system, "set_aside")
    async with (
        neighbour_of(shared_system) as other,
        signed_in_as(shared_system, "admin", agency_id=other.agency_id) as stranger,
    ):
        assert (await stranger.get(page)).status_code == 404
        for deed in ("replay", "switch"):
            sent = {"once": new_id("o"), "enabled": "yes"}
            assert (await stranger.post(f"{page}/{deed}", sent)).status_code == 404
        assert page not in (await stranger.get(WEBHOOKS)).text
    assert await states_of(shared_system, page) == ["set_aside"]


async def test_no_page_of_receivers_or_disputes_reads_without_an_index(
    admin: StaffBrowser, shared_system: System
) -> None:
    page = await receiver(shared_system, "set_aside", "waiting", "acknowledged")
    paths = (WEBHOOKS, page, f"{page}?state=set_aside", f"{page}?cursor=3")
    database = shared_system.parts.database
    async with asked(database) as statements:
        for path in paths:
            assert (await admin.get(path)).status_code == 200, path
        async with signed_in_as(shared_system, "chief") as chief:
            for path in ("/staff", "/staff/disputes", "/staff/disputes?which=all"):
                assert (await chief.get(path)).status_code == 200, path
    assert len(statements) > 30
    assert await without_index(database, statements) == []
