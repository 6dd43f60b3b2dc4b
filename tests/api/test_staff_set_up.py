"""What an administrator sets up on pages beside people and keys, and everybody's own password."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import text

from app.web.staff import own_password
from core import audit
from core.checkpoints import find_last_check
from core.ids import new_id
from payments.agencies.tree import reach
from tests.support.markup import tree_of, words_of
from tests.support.rows import count
from tests.support.staff_browser import (
    PASSWORD,
    StaffBrowser,
    form_of,
    new_person,
    signed_in_as,
    staff_browser,
)
from tests.support.staff_routes import SETTINGS
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

GATEWAYS = f"{SETTINGS}/gateways"
NEW = "mot-mat-khau-khac-han"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "admin") as browser:
        yield browser


async def test_an_account_at_a_gateway_is_added_by_the_fields_that_its_adapter_asks_for(
    admin: StaffBrowser, shared_system: System
) -> None:
    system, account, secret = shared_system, f"x-{new_id('x')[-12:]}", new_id("secret")
    choice = tree_of((await admin.get(f"{GATEWAYS}/new")).text)
    offered = {str(one) for one in choice.xpath("//ul[@class='list']//a/@href")}
    assert f"{GATEWAYS}/new?gateway=vnpay" in offered
    assert f"{GATEWAYS}/new?gateway=sepay" in offered
    assert (await admin.get(f"{GATEWAYS}/new?gateway=nobody")).status_code == 404
    page = (await admin.get(f"{GATEWAYS}/new?gateway=vnpay")).text
    form = form_of(page, GATEWAYS)
    assert {"field-tmn_code", "field-hash_secret", "account", "base_url"} <= form.keys()
    good = {
        "agency": system.body.agency_code,
        "collection_account": system.body.collection_code,
        "account": account,
        "base_url": "https://pay.example.vn/x",
        "field-tmn_code": new_id("t")[-8:].upper(),
        "field-hash_secret": secret,
    }
    for wrong, field in (
        ({"base_url": "http://pay.example.vn"}, "base_url"),
        ({"field-tmn_code": "ngan"}, "field-tmn_code"),
        ({"field-hash_secret": ""}, "field-hash_secret"),
        ({"account": "có dấu"}, "account"),
    ):
        answer = await admin.send(page, GATEWAYS, good | wrong)
        assert answer.status_code == 422, wrong
        assert tree_of(answer.text).xpath(f"//p[@id='{field}-fault']"), (wrong, answer.text[-3000:])
        assert secret not in answer.text
        assert account in answer.text or field == "account"
        page = answer.text
    made = await admin.send(page, GATEWAYS, good)
    assert (made.status_code, made.headers["location"]) == (303, GATEWAYS)
    listed = tree_of((await admin.get(GATEWAYS, params={"words": account})).text)
    (path,) = listed.xpath("//tbody//a/@href")
    shown = (await admin.get(str(path))).text
    assert secret not in shown
    assert f"/callbacks/vnpay/{account}" in shown
    # Its place is taken, by whatever form.
    fresh = (await admin.get(f"{GATEWAYS}/new?gateway=vnpay")).text
    again = await admin.send(fresh, GATEWAYS, good)
    assert again.status_code == 422


async def test_another_bodys_account_is_not_money_s_way_of_a_gateway(
    admin: StaffBrowser, shared_system: System
) -> None:
    sent = {"gateway": "vnpay", "agency": "nobody-s", "collection_account": "x", "account": "y"}
    sent |= {"base_url": "https://a.vn", "field-tmn_code": "ABCD1234", "field-hash_secret": "s"}
    assert (await admin.post(GATEWAYS, sent)).status_code == 404
    own = sent | {"agency": shared_system.body.agency_code, "collection_account": "no-such"}
    assert (await admin.post(GATEWAYS, own)).status_code == 404


async def a_unit(admin: StaffBrowser, system: System, parent: str | None = None) -> str:
    code = f"x-{new_id('x')[-12:]}"
    unit = {"code": code, "name": "Đơn vị", "name_en": "Unit", "tax_code": "0100109106"}
    unit |= {"address": "1 đường Thử", "phone": "024 3333 4444"}
    unit["parent"] = parent or system.body.agency_code
    answer = await admin.post(f"{SETTINGS}/bodies", unit)
    assert answer.status_code == 303, answer.text[-2000:]
    return code


async def offers_of(system: System, code: str) -> tuple[str, list[str], str | None]:
    async with system.parts.database.transaction() as session:
        row = (
            await session.execute(
                text(
                    "SELECT a.offers, p.code, ARRAY(SELECT procedure_code FROM agency_offer o"
                    " WHERE o.agency_id = a.id ORDER BY 1) FROM agency a"
                    " LEFT JOIN agency p ON p.id = a.parent_id WHERE a.code = :code"
                ),
                {"code": code},
            )
        ).one()
    return row[0], list(row[2]), row[1]


async def test_what_a_body_takes_money_for_is_chosen_on_its_page(
    admin: StaffBrowser, shared_system: System
) -> None:
    system, code = shared_system, await a_unit(admin, shared_system)
    here = f"{SETTINGS}/bodies/{code}"
    assert (await offers_of(system, code))[:2] == ("parent", [])
    page = (await admin.get(here)).text
    wrong = {"offers": "own", "codes": "2.000815, 9.999999"}
    refused = await admin.send(page, f"{here}/offers", wrong)
    assert refused.status_code == 422
    (fault,) = tree_of(refused.text).xpath("//p[@id='codes-fault']//text()")
    assert "9.999999" in fault
    assert "2.000815, 9.999999" in refused.text
    assert (await offers_of(system, code))[:2] == ("parent", [])
    chosen = {"offers": "own", "codes": " 2.000815  1.004222 2.000815 "}
    done = await admin.send(refused.text, f"{here}/offers", chosen)
    assert done.status_code == 303, done.text[-2000:]
    assert (await offers_of(system, code))[:2] == ("own", ["1.004222", "2.000815"])
    page = (await admin.get(here)).text
    assert "1.004222 2.000815" in page
    same = await admin.send(page, f"{here}/offers", {"offers": "own", "codes": "1.004222 2.000815"})
    assert "Chưa có gì khác với hiện tại." in words_of(same.text)
    await admin.send(same.text, f"{here}/offers", {"offers": "own", "codes": ""})
    assert (await offers_of(system, code))[:2] == ("own", [])
    for whose in ("all", "parent"):
        page = (await admin.get(here)).text
        assert (await admin.send(page, f"{here}/offers", {"offers": whose})).status_code == 303
        assert (await offers_of(system, code))[:2] == (whose, [])


async def test_a_unit_is_put_below_another_body_and_never_below_itself(
    admin: StaffBrowser, shared_system: System
) -> None:
    system = shared_system
    upper, lower = await a_unit(admin, system), await a_unit(admin, system)
    here = f"{SETTINGS}/bodies/{lower}"
    # What came after somebody signed in is theirs to move, too.
    moved = await admin.post(f"{here}/parent", {"parent": upper})
    assert moved.status_code == 303, moved.text[-2000:]
    assert (await offers_of(system, lower))[2] == upper
    circle = await admin.post(f"{SETTINGS}/bodies/{upper}/parent", {"parent": lower})
    assert circle.status_code == 422
    assert tree_of(circle.text).xpath("//p[@id='parent-fault']")
    assert (await offers_of(system, upper))[2] == system.body.agency_code
    own = f"{SETTINGS}/bodies/{system.body.agency_code}"
    assert f'action="{own}/parent"' not in (await admin.get(own)).text
    assert (await admin.post(f"{own}/parent", {"parent": upper})).status_code == 422
    assert (await admin.post(f"{here}/parent", {"parent": "nobody-s"})).status_code == 404


async def test_where_two_people_decide_offers_are_asked_for(
    admin: StaffBrowser, shared_system: System
) -> None:
    system, code = shared_system, await a_unit(admin, shared_system)
    state = system.app.state
    state.administration = replace(system.parts.administration, two_people=True)
    try:
        for what, sent in (("offers", {"offers": "all"}),):
            answer = await admin.post(f"{SETTINGS}/bodies/{code}/{what}", sent | {"reason": "vì"})
            assert answer.headers["location"].startswith("/staff/approvals/appr_")
    finally:
        state.administration = system.parts.administration
    assert (await offers_of(system, code))[0] == "parent"


async def test_the_books_are_checked_from_the_page_and_what_is_broken_is_told(
    admin: StaffBrowser, shared_system: System
) -> None:
    system, here = shared_system, f"{SETTINGS}/operations"
    async with system.parts.database.transaction() as session:
        await audit.chain(session, sealer=system.parts.evidence.sealer)
    page = (await admin.get(here)).text
    held = await admin.send(page, f"{here}/check", {"whole": "yes"})
    assert "Đã xem toàn bộ: không dòng nào sai quy tắc." in words_of(held.text), held.text[-2000:]
    async with system.parts.database.reading() as session:
        before = await find_last_check(session)
    assert before is not None
    assert before.whole
    bill = await system.create_bill()
    async with system.parts.database.transaction() as session:
        await session.execute(
            text("UPDATE bill SET amount = amount + 1 WHERE id = :id"), {"id": bill["id"]}
        )
    try:
        told = await admin.send(page, f"{here}/check", {"whole": "yes"})
        assert told.status_code == 200
        assert "chỗ sai quy tắc" in words_of(told.text)
        async with system.parts.database.reading() as session:
            everything = await reach(session, system.body.agency_id)
            assert await find_last_check(session) == before
        bodies = await count(system.parts.database, "agency")
        # Rows are named to who sees every body, and to nobody else.
        assert (bill["id"] in told.text) == (bodies == len(everything))
    finally:
        async with system.parts.database.transaction() as session:
            await session.execute(
                text("UPDATE bill SET amount = amount - 1 WHERE id = :id"), {"id": bill["id"]}
            )
    answers = [await admin.send(page, f"{here}/check", {"whole": "no"}) for _ in range(4)]
    assert "Vừa kiểm tra nhiều lần" in words_of(answers[-1].text)


async def test_a_password_is_changed_by_who_knows_the_old_one_and_ends_other_sessions(
    shared_system: System,
) -> None:
    email = await new_person(shared_system, "clerk")
    path = "/staff/password"
    async with staff_browser(shared_system, email) as here:
        await here.sign_in()
        async with (
            staff_browser(shared_system, email) as there,
            staff_browser(shared_system, email) as half,
        ):
            other = here.another(there.client)
            await other.sign_in()
            await half.enter_password()  # the second factor not given yet
            page = (await here.get(path)).text
            for typed, status, field in (
                ({"old": "khong phai the"}, 401, "old"),
                ({"again": NEW + "x"}, 422, "again"),
                ({"new": PASSWORD, "again": PASSWORD}, 422, "new"),
                ({"new": "ngan", "again": "ngan"}, 422, "new"),
            ):
                sent = {"old": PASSWORD, "new": NEW, "again": NEW} | typed
                answer = await here.send(page, path, sent)
                assert answer.status_code == status, typed
                assert tree_of(answer.text).xpath(f"//p[@id='{field}-fault']"), typed
                assert NEW not in answer.text
            assert (await other.get("/staff")).status_code == 200
            done = await here.send(page, path, {"old": PASSWORD, "new": NEW, "again": NEW})
            assert done.headers["location"] == "/staff/sessions?password=changed"
            told = (await here.get(done.headers["location"])).text
            assert "Đã đổi mật khẩu" in words_of(told)
            # The others have ended, the one that waited for its second factor too.
            assert (await other.get("/staff")).status_code == 303
            answer = await half.get("/staff/second-factor")
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/staff/sign-in")
        async with staff_browser(shared_system, email) as fresh:
            assert (await fresh.enter_password()).status_code == 401
            assert (await fresh.enter_password(NEW)).status_code == 303


async def test_tries_of_the_old_password_are_counted_whatever_they_become(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, path = await new_person(shared_system, "clerk"), "/staff/password"
    pool = shared_system.parts.database.engine.pool
    held: list[int] = []

    async def wrong(person: object, password: str) -> bool:
        held.append(pool.checkedout())  # type: ignore[attr-defined]
        return False

    async with staff_browser(shared_system, email) as clerk:
        await clerk.sign_in()
        page = (await clerk.get(path)).text
        monkeypatch.setattr(own_password, "is_password", wrong)
        sent = {"old": "x", "new": NEW, "again": NEW}
        answers = [(await clerk.send(page, path, sent)).status_code for _ in range(7)]
        monkeypatch.undo()
        assert answers == [401] * 6 + [429]
        assert held == [0] * 6
        # The right one waits, too.
        right = await clerk.send(page, path, sent | {"old": PASSWORD})
        assert right.status_code == 429
