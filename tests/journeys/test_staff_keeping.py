"""Keeping a body in a real browser: a secret rotated, a clerk enrolled, a change of fees applied.

Every page of it is looked at, small and wide, light and dark; without JavaScript, and in English.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from core import clock
from core.ids import new_id
from payments.agencies.access.totp import code_at, step_of
from tests.journeys.test_staff_pages import looked_at
from tests.support.browser import DESKTOP, PHONE, Tab, tab
from tests.support.callbacks import credit
from tests.support.catalogue_files import fees_csv
from tests.support.every_route import Things, keys_of
from tests.support.invoice_routes import invoice_to_adjust
from tests.support.message_routes import set_aside
from tests.support.page_routes import unlisted
from tests.support.planted_notices import delivery_set_aside, noticed
from tests.support.staff_browser import PASSWORD, signed_in_as
from tests.support.staff_routes import SETTINGS, first_gateway
from tests.support.system import System
from tests.support.webhook_things import one_receiver

#: axe-core looks at every page, which a busy machine does slowly.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]

HOSTILE = "<b>Trần & \u202eHoà</b>"


@asynccontextmanager
async def desk(
    system: System, browser: Browser, *roles: str, **options: object
) -> AsyncIterator[Tab]:
    """The browser of somebody who has given both factors."""
    async with signed_in_as(system, *roles) as known, tab(browser, **options) as shown:
        cookie = {"name": "lephi_staff", "value": known.cookie, "url": system.base_url}
        await shown.page.context.add_cookies([cookie])  # type: ignore[list-item]
        yield shown


async def paid_bill(system: System) -> dict[str, str]:
    """A bill that was paid, and where it, its payment and its receipt are."""
    bill = await system.create_bill(payer={"name": "Trần Thị Hoà"}, dossier_number="H26-1")
    await credit(system, bill["amount"], f"{HOSTILE} {bill['reference']}", bank_ref=new_id("ft"))
    await system.work()
    found = await system.read(bill)
    return {
        "reference": found["reference"],
        "bill": f"/staff/bills/{found['id']}",
        "payment": f"/staff/payments/{found['payments'][0]['id']}",
        "receipt": f"/staff/receipts/{found['receipts'][0]['id']}",
    }


async def bear_notes(system: System, bill: dict[str, str]) -> None:
    """A note on a bill, on its payment and on its receipt."""
    async with signed_in_as(system, "chief") as chief:
        for name in ("bill", "payment", "receipt"):
            page = (await chief.get(bill[name])).text
            note = "Người nộp hẹn thứ Hai mang bản chính đến đối chiếu; gọi lại trước khi trả"
            await chief.send(page, f"{bill[name]}/mark", {"note": note})


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize(
    ("locale", "java_script", "size"),
    [("vi-VN", True, PHONE), ("en-GB", False, DESKTOP)],
    ids=["phone", "without a script"],
)
async def test_a_body_is_kept(
    browser: Browser,
    own_system: System,
    locale: str,
    java_script: bool,
    size: dict[str, int],
    tmp_path: Path,
) -> None:
    system, vi = own_system, locale == "vi-VN"
    options = {"locale": locale, "java_script_enabled": java_script, "viewport": size}
    keys = await keys_of(system, system.body.agency_id)
    gateway = f"{SETTINGS}/gateways/{await first_gateway(Things(system, keys))}"
    email, base = f"{new_id('p')}@example.vn", system.base_url
    code = f"phi-{new_id('x')[-12:]}"
    file = tmp_path / "phi.csv"
    file.write_bytes(fees_csv({"code": code, "name_vi": "Phí mới", "name_en": "New fee"}))
    complaints: list[str] = []
    async with desk(system, browser, "admin", "finance", **options) as shown:
        page = shown.page
        # A gateway's secret is rotated, and the gateway tried before.
        await shown.open(f"{base}{gateway}")
        await press(page, "Thử kết nối" if vi else "Try the connection")
        await page.get_by_role("status").locator("visible=true").first.wait_for()
        await page.locator("#field-secret_key").fill("a-new-secret-of-it")
        await press(page, "Thay" if vi else "Replace")
        await page.wait_for_url(f"**{gateway}")
        done = "Đặt tài khoản tại cổng thanh toán" if vi else "Account at a gateway set"
        assert done in str(await page.locator(".history").text_content())
        assert "a-new-secret-of-it" not in await page.content()
        # A new clerk.
        await shown.open(f"{base}{SETTINGS}/users/new")
        await page.locator("#email").fill(email)
        await page.locator("#name").fill("Lê Mới")
        await page.locator("input[value=clerk]").check()
        await press(page, "Thêm người này" if vi else "Add this person")
        password = str(await page.locator("#secret").text_content())
        # A change of fees is proposed.
        await shown.open(f"{base}{SETTINGS}/catalogue/proposals/new")
        await page.locator("#file").set_input_files(file)
        # The file to begin with is fetched from there.
        await page.locator("a[href='/staff/settings/catalogue/export']").wait_for()
        await page.locator("#table").select_option("fees")
        await press(page, "Xem trước thay đổi" if vi else "See what would change")
        await page.wait_for_url("**/catalogue/proposals/change_*")
        proposal = page.url
        apply = "Áp dụng" if vi else "Apply"
        assert await page.get_by_role("button", name=apply, exact=True).count() == 0
        complaints += shown.complaints
    # The clerk enrols with the app's code.
    async with tab(browser, **options) as shown:
        page = shown.page
        on = "Tiếp tục" if vi else "Continue"
        await shown.open(f"{base}/staff/find")
        await page.locator("#email").fill(email)
        await page.locator("#password").fill(password)
        await press(page, on)
        secret = base64.b32decode(str(await page.locator("dd code.long").text_content()))
        await page.locator("#code").fill(code_at(secret, step_of(clock.now())))
        await press(page, on)
        await page.locator(".codes li").first.wait_for()
        assert await page.locator(".codes li").count() == 10
        await page.locator("a.button.wide").click()
        await page.wait_for_url("**/staff/find")
        bill = await paid_bill(system)
        await page.locator("#q").fill(f"nop {bill['reference'].lower()}")
        await press(page, "Tìm" if vi else "Search")
        await page.locator("tbody a").first.click()
        await page.wait_for_url(f"**{bill['bill']}")
        complaints += shown.complaints
    # Somebody else applies the change, having seen what it does.
    async with desk(system, browser, "chief", **options) as shown:
        await shown.open(proposal)
        assert code in str(await shown.page.locator("main").text_content())
        await press(shown.page, apply)
        applied = "Đã áp dụng" if vi else "Applied"
        await shown.page.get_by_text(applied, exact=True).first.wait_for()
        complaints += shown.complaints
    assert complaints == []
    assert password != PASSWORD


async def test_every_page_of_keeping_can_be_read(browser: Browser, own_system: System) -> None:
    system = own_system
    keys = await keys_of(system, system.body.agency_id)
    things = Things(system, keys)
    bill = await paid_bill(system)
    await bear_notes(system, bill)
    # Work that was set aside, which the page of operations shows.
    await noticed(system, "set_aside", 2)
    await delivery_set_aside(system)
    pages = {
        "find-noted": "/staff/find",
        "find": f"/staff/find?q={bill['reference']}",
        "bill": bill["bill"],
        "payment": bill["payment"],
        "receipt": bill["receipt"],
        "settings": SETTINGS,
        "users": f"{SETTINGS}/users",
        "user-new": f"{SETTINGS}/users/new",
        "user": f"{SETTINGS}/users/{await things.user()}",
        "keys": f"{SETTINGS}/keys",
        "key-new": f"{SETTINGS}/keys/new",
        "key": f"{SETTINGS}/keys/{await things.key()}",
        "messages": f"{SETTINGS}/messages",
        "message": f"{SETTINGS}/messages/{await set_aside(things)}",
        "webhooks": f"{SETTINGS}/webhooks",
        "webhook": f"{SETTINGS}/webhooks/{await one_receiver(things)}",
        "invoices": f"{SETTINGS}/invoices",
        "invoice": f"{SETTINGS}/invoices/{await invoice_to_adjust(things)}",
        "bodies": f"{SETTINGS}/bodies",
        "body": f"{SETTINGS}/bodies/{system.body.agency_code}",
        "body-new": f"{SETTINGS}/bodies/new",
        "accounts": f"{SETTINGS}/accounts",
        "account": f"{SETTINGS}/accounts/{system.body.collection_code}",
        "account-new": f"{SETTINGS}/accounts/new",
        "gateways": f"{SETTINGS}/gateways",
        "gateway": f"{SETTINGS}/gateways/{await first_gateway(things)}",
        "gateway-choice": f"{SETTINGS}/gateways/new",
        "gateway-new": f"{SETTINGS}/gateways/new?gateway=vnpay",
        "catalogue": f"{SETTINGS}/catalogue",
        "proposal-new": f"{SETTINGS}/catalogue/proposals/new",
        "proposal": f"{SETTINGS}/catalogue/proposals/{await things.proposal()}",
        "operations": f"{SETTINGS}/operations",
        "audit": f"{SETTINGS}/audit",
        "codes": "/staff/recovery-codes",
        "password": "/staff/password",
        "refund-new": f"/staff/payments/{await things.credited()}/refund",
        "disputes": "/staff/disputes?which=all",
    }
    found: list[str] = []
    async with desk(system, browser, "admin", "chief") as shown:
        for name, path in pages.items():
            await shown.open(f"{system.base_url}{path}")
            found += await looked_at(shown, f"keep-{name}")
            if "\u202e" in await shown.page.content():
                found.append(f"{name}: a sign that turns the line round")
        await shown.open(f"{system.base_url}{SETTINGS}/operations")
        await press(shown.page, "Kiểm tra toàn bộ")
        await shown.page.get_by_role("status").locator("visible=true").first.wait_for()
        found += await looked_at(shown, "keep-checked")
        assert shown.complaints == []
    assert found == []
    rooms = ("find", "history", "keeping", "own_password", "recovery")
    left = [unlisted(system.app, pages.values(), f"app.web.staff.{room}") for room in rooms]
    assert left == [[]] * len(rooms)
