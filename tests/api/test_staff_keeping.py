"""Keeping a body's set-up on pages: what is done, what is refused, what takes two people."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlmodel import col, select

from app.web.staff import sign_in
from app.web.staff.tables import AskedTable, TableColumn, TableRow, shown_of
from core import clock
from core.errors import Invalid, NotAllowed
from core.ids import new_id
from core.spreadsheets import is_live
from payments.agencies.access.models import StaffUser
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Role
from payments.agencies.access.staff_sessions import find_session, principal_of
from payments.agencies.access.totp import code_at, step_of
from payments.agencies.models import GatewayAccountRow
from payments.books.approvals import approve
from tests.support.catalogue_files import fees_csv
from tests.support.every_route import Things, keys_of
from tests.support.live_text import LIVE
from tests.support.markup import tree_of, words_of
from tests.support.plans import asked, without_index
from tests.support.staff_browser import (
    StaffBrowser,
    form_of,
    new_person,
    signed_in_as,
    staff_browser,
)
from tests.support.staff_routes import SETTINGS, first_gateway
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOSTILE = "<i>Tên & \u202ehiệu</i>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "admin") as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chief(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "chief") as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(shared_system: System) -> str:
    keys = await keys_of(shared_system, shared_system.body.agency_id)
    return f"{SETTINGS}/gateways/{await first_gateway(Things(shared_system, keys))}"


async def secrets_of(system: System, path: str) -> dict[str, str]:
    """The credentials of the account at a gateway, as they are kept."""
    system.parts.payments.agencies.forget()
    found = await system.parts.payments.agencies.get_gateway_by_id(path.rpartition("/")[2])
    return dict(found.access.credentials)


async def is_told_to_nobody_by_an_address(system: System, address: str, words: str) -> None:
    """Somebody else is sent a link."""
    async with signed_in_as(system, "admin") as other:
        assert words not in words_of((await other.get(address)).text)


async def test_a_gateway_is_tried_and_given_a_new_secret(
    admin: StaffBrowser, shared_system: System, gateway: str
) -> None:
    page = (await admin.get(gateway)).text
    was = await secrets_of(shared_system, gateway)
    assert not any(secret in page for secret in was.values() if len(secret) > 8)
    answer = await admin.send(page, f"{gateway}/test")
    assert "Cổng trả lời và nhận ra tài khoản của cơ quan" in words_of(answer.text)
    # Nothing typed: nothing done, and said so. A bad one is named and nothing is changed.
    answer = await admin.send(page, f"{gateway}/secret")
    assert answer.status_code == 422
    assert "Chưa nhập giá trị mới nào." in words_of(answer.text)
    answer = await admin.send(page, f"{gateway}/secret", {"field-secret_key": "có dấu cách"})
    assert answer.status_code == 422
    (fault,) = tree_of(answer.text).xpath("//p[@id='field-secret_key-fault']/text()")
    assert "chưa đúng" in fault
    assert await secrets_of(shared_system, gateway) == was
    answer = await admin.send(page, f"{gateway}/secret", {"field-secret_key": "new-secret-of-it"})
    assert (answer.status_code, answer.headers["location"]) == (303, gateway)
    page = (await admin.get(answer.headers["location"])).text
    assert "Đã thay khóa bí mật" in words_of(page)
    await is_told_to_nobody_by_an_address(
        shared_system, f"{gateway}?replaced=yes", "Đã thay khóa bí mật"
    )
    assert "new-secret-of-it" not in page
    assert "Đặt tài khoản tại cổng thanh toán" in words_of(page)
    async with shared_system.parts.database.reading() as session:
        kept = await session.one(
            select(GatewayAccountRow.credentials).where(
                col(GatewayAccountRow.id) == gateway.rpartition("/")[2]
            )
        )
    assert b"new-secret-of-it" not in kept


async def test_a_gateway_that_is_away_is_told_and_one_is_taken_from_payers(
    admin: StaffBrowser, shared_system: System, gateway: str
) -> None:
    page = (await admin.get(gateway)).text
    form = form_of(page, f"{gateway}/offer")
    assert form["enabled"] == "no"
    await admin.send(page, f"{gateway}/offer")
    page = (await admin.get(gateway)).text
    assert form_of(page, f"{gateway}/offer")["enabled"] == "yes"
    await admin.send(page, f"{gateway}/offer")
    assert "Đang cho người nộp dùng" in words_of((await admin.get(gateway)).text)


async def test_a_person_is_made_and_refusals_keep_what_was_typed(
    admin: StaffBrowser, shared_system: System
) -> None:
    path, email = f"{SETTINGS}/users", f"{new_id('p')}@example.vn"
    body = {"agency": shared_system.body.agency_code, "name": "Lê Mới", "roles": ["clerk"]}
    for wrong, field in (
        ({"email": "khong phai"}, "email"),
        ({"email": email, "name": "Tên\u202e"}, "name"),
        ({"email": email, "roles": []}, "roles"),
        ({"email": email, "roles": ["no-such"]}, "roles"),
    ):
        answer = await admin.post(path, body | wrong)
        assert answer.status_code == 422, wrong
        assert tree_of(answer.text).xpath(f"//p[@id='{field}-fault']"), wrong
        assert 'value="Lê Mới"' in answer.text or field == "name"
    assert (await admin.post(path, body | {"email": email, "roles": ["admin"]})).status_code == 403
    made = await admin.post(path, body | {"email": email})
    (password,) = tree_of(made.text).xpath("//code[@id='secret']/text()")
    taken = await admin.post(path, body | {"email": email})
    assert taken.status_code == 422
    async with staff_browser(shared_system, email) as clerk:
        assert (await clerk.enter_password(str(password))).status_code == 303
        await clerk.enrol()
        assert (await clerk.get("/staff")).status_code == 200
        found = tree_of((await admin.get(path, params={"words": email})).text)
        (person,) = found.xpath("//tbody//a/@href")
        told = words_of((await admin.get(str(person))).text)
        assert "Đặt lớp bảo vệ thứ hai" in told
        assert (await admin.post(f"{person}/disable")).status_code == 303
        assert (await clerk.get("/staff")).status_code == 303


async def test_a_key_is_shown_once_and_revoked(admin: StaffBrowser, shared_system: System) -> None:
    path = f"{SETTINGS}/keys"
    body = {"agency": shared_system.body.agency_code, "label": "Cổng", "scopes": ["bills"]}
    assert (await admin.post(path, body | {"scopes": []})).status_code == 422
    made = tree_of((await admin.post(path, body)).text)
    (secret,) = made.xpath("//code[@id='secret']/text()")
    (key,) = made.xpath("//p[@class='doors']/a/@href")
    asks = {"Authorization": f"Bearer {secret}"}
    assert (await shared_system.browser.get("/api/v1/bills", headers=asks)).status_code == 200
    page = (await admin.get(str(key))).text
    assert str(secret) not in page
    await admin.send(page, f"{key}/revoke")
    shared_system.parts.keyring.forget()
    assert (await shared_system.browser.get("/api/v1/bills", headers=asks)).status_code == 401


async def test_a_proposal_is_looked_at_and_applied_by_somebody_else(
    admin: StaffBrowser, chief: StaffBrowser, shared_system: System
) -> None:
    path = f"{SETTINGS}/catalogue/proposals"
    code = f"phi-{new_id('x')[-12:]}"
    bad = {"file": ("phi.csv", fees_csv({"code": code, "amount": "mười"}))}
    answer = await admin.post(path, {"table": "fees"}, files=bad)
    assert answer.status_code == 422
    assert "chưa nhận dòng nào" in words_of(answer.text)
    nothing = await admin.post(path, {"table": "fees"}, files={"file": ("", b"")})
    assert nothing.status_code == 422
    named = {"code": code, "name_vi": "<b>Phí thử</b>"}
    good = {"file": ("phi.csv", fees_csv(named))}
    answer = await admin.post(path, {"table": "fees"}, files=good)
    assert answer.status_code == 303, words_of(answer.text)
    proposal = answer.headers["location"]
    page = (await admin.get(proposal)).text
    assert "<b>Phí thử" not in page
    assert "10.000 đ" in words_of(page)
    assert f"{proposal}/apply" not in page
    # Whoever proposed it may not apply it, whatever they send.
    assert (await admin.post(f"{proposal}/apply")).status_code == 403
    page = (await chief.get(proposal)).text
    assert (await chief.send(page, f"{proposal}/apply")).status_code == 303
    told = words_of((await chief.get(proposal)).text)
    assert "Áp dụng thay đổi danh mục" in told
    assert "Nguyễn Thử" in told
    assert (await chief.post(f"{proposal}/apply")).status_code == 409
    planned = words_of((await chief.get(f"{SETTINGS}/catalogue", params={"on": "2027-01-01"})).text)
    assert code in planned


async def test_bodies_and_accounts_are_made_and_changed(
    admin: StaffBrowser, shared_system: System
) -> None:
    code = f"x-{new_id('x')[-12:]}"
    unit = {"code": code, "name": "Đơn vị", "name_en": "Unit", "tax_code": "0100109106"}
    unit |= {"address": "1 đường Thử", "phone": "024 3333 4444"}
    unit["parent"] = shared_system.body.agency_code
    answer = await admin.post(f"{SETTINGS}/bodies", unit | {"tax_code": "1"})
    assert tree_of(answer.text).xpath("//p[@id='tax_code-fault']")
    answer = await admin.post(f"{SETTINGS}/bodies", unit)
    assert answer.headers["location"] == f"{SETTINGS}/bodies/{code}"
    again = await admin.post(f"{SETTINGS}/bodies", unit)
    assert again.status_code in (409, 422)
    here = f"{SETTINGS}/bodies/{code}"
    page = (await admin.get(here)).text
    same = await admin.send(page, f"{here}/change")
    assert "Chưa có gì khác" in words_of(same.text)
    await admin.send(page, f"{here}/change", {"phone": "024 7777 8888"})
    assert "024 7777 8888" in (await admin.get(here)).text
    account = {"agency": code, "code": code, "kind": "bank", "bank_bin": "970436"}
    account |= {"number": "0071000123456", "holder": "TK THU", "cut_off": "16:00"}
    answer = await admin.post(f"{SETTINGS}/accounts", account | {"opened_on": "hom qua"})
    assert tree_of(answer.text).xpath("//p[@id='opened_on-fault']")
    answer = await admin.post(f"{SETTINGS}/accounts", account)
    assert answer.headers["location"] == f"{SETTINGS}/accounts/{code}"
    assert "0071000123456" in (await admin.get(f"{SETTINGS}/accounts/{code}")).text


@pytest_asyncio.fixture(loop_scope="module")
async def two_people(shared_system: System) -> AsyncIterator[None]:
    """As in production."""
    state = shared_system.app.state
    state.administration = replace(shared_system.parts.administration, two_people=True)
    yield
    state.administration = shared_system.parts.administration


async def test_where_two_people_decide_nothing_is_done_at_once(
    admin: StaffBrowser,
    chief: StaffBrowser,
    shared_system: System,
    gateway: str,
    two_people: None,
) -> None:
    parts = shared_system.parts
    was = await secrets_of(shared_system, gateway)
    page = (await admin.get(gateway)).text
    assert "một người khác phải duyệt" in words_of(page)
    answer = await admin.send(page, f"{gateway}/secret", {"field-secret_key": "of-two-people-now"})
    assert answer.headers["location"].startswith("/staff/approvals/appr_")
    assert await secrets_of(shared_system, gateway) == was
    email = f"{new_id('p')}@example.vn"
    body = {"agency": shared_system.body.agency_code, "email": email, "name": "A", "roles": "clerk"}
    made = tree_of((await admin.post(f"{SETTINGS}/users", body)).text)
    (first,) = made.xpath("//code[@id='secret']/text()")
    (approval,) = made.xpath("//p[@class='doors']/a/@href")
    async with parts.database.reading() as session:
        nobody = select(StaffUser.id).where(col(StaffUser.email) == email)
        assert await session.first(nobody) is None
    who = await principal_of_browser(shared_system, chief)
    async with parts.database.transaction() as session:
        given = await approve(session, parts.approval_kinds, approval.rpartition("/")[2], who)
    whole = f"{first}-{given.told_once['password_second_half']}"
    async with staff_browser(shared_system, email) as clerk:
        assert (await clerk.enter_password(whole)).status_code == 303
        await clerk.enrol()
        # The app is lost: one asks, another decides; then the old app opens nothing any more.
        found = tree_of((await admin.get(f"{SETTINGS}/users", params={"words": email})).text)
        (person,) = found.xpath("//tbody//a/@href")
        page = (await admin.get(str(person))).text
        answer = await admin.send(page, f"{person}/reset-factor")
        approval = answer.headers["location"]
        assert (await clerk.get("/staff")).status_code == 200
        own = await principal_of_browser(shared_system, clerk)
        helper = replace(own, roles=frozenset({Role.CHIEF}))
        with pytest.raises(NotAllowed):
            async with parts.database.transaction() as session:
                await approve(session, parts.approval_kinds, approval.rpartition("/")[2], helper)
        async with parts.database.transaction() as session:
            await approve(session, parts.approval_kinds, approval.rpartition("/")[2], who)
        assert (await clerk.get("/staff")).status_code == 303
        old, codes = clerk.secret, list(clerk.recovery_codes)
        await clerk.enter_password(whole)
        page = (await clerk.get("/staff/second-factor")).text
        for typed in (code_at(old, step_of(clock.now())), codes[0]):
            answer = await clerk.send(page, "/staff/second-factor", {"code": typed})
            assert answer.status_code == 401
        await clerk.enrol()
        assert clerk.secret != old
        assert (await clerk.get("/staff")).status_code == 200


async def test_recovery_codes_are_renewed_with_the_app(shared_system: System) -> None:
    email = await new_person(shared_system, "clerk")
    path = "/staff/recovery-codes"
    async with staff_browser(shared_system, email) as clerk:
        await clerk.sign_in()
        old = clerk.recovery_codes
        page = (await clerk.get(path)).text
        assert (await clerk.send(page, path, {"code": "000000"})).status_code == 401
        answer = await clerk.send(page, path, {"code": clerk.code()})
        new = [str(one) for one in tree_of(answer.text).xpath("//ol[@class='codes']//code/text()")]
        assert len(set(new) - set(old)) == 10
        async with staff_browser(shared_system, email) as other:
            await other.enter_password()
            page = (await other.get("/staff/second-factor")).text
            for typed, status in ((old[0], 401), (new[0], 303)):
                answer = await other.send(page, "/staff/second-factor", {"code": typed})
                assert answer.status_code == status


async def test_a_try_counts_whatever_fails_afterwards_and_no_connection_waits_for_argon2(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    email, pool = await new_person(shared_system, "clerk"), shared_system.parts.database.engine.pool
    held: list[int] = []

    async def slow(person: object, password: str) -> bool:
        held.append(pool.checkedout())  # type: ignore[attr-defined]
        raise OSError("the machine has no memory left")

    monkeypatch.setattr(sign_in, "is_password", slow)
    async with staff_browser(shared_system, email) as clerk:
        answers = [(await clerk.enter_password()).status_code for _ in range(7)]
    assert answers == [500] * 6 + [429]
    assert held == [0] * 6


async def principal_of_browser(system: System, browser: StaffBrowser) -> Principal:
    async with system.parts.database.reading() as session:
        found = await find_session(session, browser.cookie)
        assert found is not None
        return await principal_of(session, found)


async def test_lists_sort_filter_page_and_are_fetched(
    admin: StaffBrowser, shared_system: System
) -> None:
    path, names = f"{SETTINGS}/keys", [f"k{n:02d} =1+{n}" for n in range(30)]
    for name in names:
        body = {"agency": shared_system.body.agency_code, "label": name, "scopes": "bills"}
        assert (await admin.post(path, body)).status_code == 200
    seen: list[str] = []
    address = f"{path}?words=%3D1&sort=-label"
    while address:
        tree = tree_of((await admin.get(address)).text)
        seen += [str(one).strip() for one in tree.xpath("//tbody/tr/td[1]/a/text()")]
        found = tree.xpath("//p[@class='pages']/a[text()='Các dòng sau']/@href")
        address = str(found[0]) if found else ""
    assert seen == sorted(names, reverse=True)
    file = await admin.get(f"{path}?words=%3D1&sort=label&format=csv")
    assert 'attachment; filename="keys-' in file.headers["content-disposition"]
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == names
    assert rows[0][0] == "Tên khóa"
    workbook = await admin.get(f"{path}?format=xlsx")
    assert workbook.content.startswith(b"PK")
    for wrong in ("sort=none", "cursor=x", "cursor=WzFd", "format=exe"):
        assert (await admin.get(f"{path}?{wrong}")).status_code == 422, wrong


async def test_a_table_goes_on_after_a_row_that_is_gone() -> None:
    columns = (TableColumn("name", "Tên"),)
    rows = [TableRow(f"id{n}", (f"tên {n}",)) for n in range(6)]
    first = shown_of("/x", columns, rows, AskedTable(), limit=2)
    assert first.next_cursor is not None
    rest = [row for row in rows if row.id != "id1"]
    more = shown_of("/x", columns, rest, AskedTable(cursor=first.next_cursor), limit=2)
    assert [row.id for row in more.rows] == ["id2", "id3"]
    with pytest.raises(Invalid):
        shown_of("/x", columns, rows, AskedTable(sort="none"))


async def test_what_was_typed_by_others_stays_text_and_files_are_inert(
    admin: StaffBrowser, shared_system: System
) -> None:
    async with shared_system.parts.database.transaction() as session:
        person = await session.one(select(StaffUser).where(col(StaffUser.email) == admin.email))
        person.name = HOSTILE
        session.add(person)
    page = (await admin.get(f"{SETTINGS}/users")).text
    assert "<i>Tên" not in page
    assert "\u202e" not in page
    assert "<i>Tên & hiệu</i>" in words_of(page)
    assert len(LIVE) > 3
    content = (await admin.get(f"{SETTINGS}/users?format=csv")).content.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(content)) for cell in row]
    assert [cell for cell in cells if is_live(cell) and not cell.startswith("'")] == []


async def test_no_page_of_the_set_up_reads_without_an_index(
    admin: StaffBrowser, shared_system: System
) -> None:
    database = shared_system.parts.database
    async with asked(database) as statements:
        for name in (
            "",
            "/users",
            "/keys",
            "/bodies",
            "/accounts",
            "/gateways",
            "/operations",
            "/catalogue",
            "/audit",
        ):
            assert (await admin.get(f"{SETTINGS}{name}")).status_code == 200, name
    assert len(statements) > 20
    assert await without_index(database, statements) == []
