"""The sandbox bank's statement of a day: a file that the office takes in, and that matches."""

import re
from html import unescape

from app.seed.agency import DEMO_ACCOUNT
from core.ids import new_id
from tests.journeys.test_main_job import reconcile_today, upload
from tests.support.system import System


async def test_what_the_bank_has_moved_stands_in_its_statement_and_matches(system: System) -> None:
    bill = await system.create_bill()
    bank = system.sandbox.bank
    bank.transfer(DEMO_ACCOUNT, bill["amount"], f"nop {bill['reference']}", reference_code="FT-1")
    bank.transfer(DEMO_ACCOUNT, 7_000, "=khong; ma\n", reference_code=new_id("ft"))
    await system.told()
    page = (await system.browser.get(f"{system.sandbox_url}/bank")).text
    (address,) = re.findall(r'href="(/bank/statement[^"]+)"', page)
    file = await system.browser.get(system.sandbox_url + unescape(address))
    assert file.headers["content-type"].startswith("text/csv")
    assert (await upload(system, file.content, "sao-ke.csv", "s1")).status_code == 201
    run = await reconcile_today(system, "r1")
    assert run["summary"]["matched"]["sum"] == bill["amount"] + 7_000
    other = await system.browser.get(f"{system.sandbox_url}/bank/statement?of=1&on=2026-01-01")
    assert other.status_code == 404
