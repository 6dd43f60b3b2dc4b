"""Whoever pays by hand reads the whole account on the page, with the bank's name."""

import pytest
from sqlalchemy import update

from app.seed.agency import DEMO_ACCOUNT, DEMO_HOLDER
from core import clock
from payments.agencies.banks import BANKS, CHECKED_ON, bank_name
from payments.agencies.models import CollectionAccount
from tests.support.markup import tree_of, words_of
from tests.support.system import System

FIXED = "/p/ubnd-ben-mau/2.000884"


async def _bank(system: System, bank_bin: str) -> None:
    async with system.parts.database.transaction() as session:
        await session.write(update(CollectionAccount).values(bank_bin=bank_bin))


@pytest.mark.parametrize(
    ("bank_bin", "said"),
    [
        ("970436", "Vietcombank"),
        ("970405", "Agribank"),
        ("999999", "Ngân hàng thử (không có thật)"),
        ("970999", "mã BIN 970999"),
    ],
)
async def test_the_banks_name_stands_wherever_a_payer_reads_the_account(
    system: System, bank_bin: str, said: str
) -> None:
    await _bank(system, bank_bin)
    bill = await system.create_bill()
    for path in (f"/b/{bill['reference']}", FIXED):
        tree = tree_of((await system.browser.get(path)).text)
        places = tree.xpath("//dl[.//dt[contains(., 'Số tài khoản')]]")
        assert len(places) == (2 if path == FIXED else 1)
        for place in places:
            assert said in " ".join(" ".join(place.itertext()).split())


def test_the_list_of_banks_is_dated_and_knows_no_unreal_one() -> None:
    assert CHECKED_ON.year >= 2026
    assert bank_name("999999")
    assert "999999" not in BANKS
    assert bank_name("970999") == ""


async def test_a_procedures_page_has_all_that_a_transfer_needs_as_text_and_to_copy(
    system: System,
) -> None:
    page = (await system.browser.get(FIXED)).text
    tree = tree_of(page)
    (card,) = tree.xpath("//section[@aria-labelledby='by-hand']")
    texts = [str(one.text) for one in card.xpath(".//code")]
    (poster,) = tree.xpath("//div[contains(@class, 'poster')]")
    reference = str(poster.xpath(".//dd/code")[1].text)
    assert DEMO_ACCOUNT in texts
    assert reference in texts
    assert [str(one) for one in card.xpath(".//button/@data-copy")] == [
        *(DEMO_ACCOUNT, "10000", reference)
    ]
    # On paper the number stays short: what hangs on a wall need not be copied from.
    assert DEMO_ACCOUNT not in " ".join(poster.itertext())
    (image,) = card.xpath(".//a[@download]/@href")
    assert (await system.browser.get(str(image))).headers["content-type"] == "image/png"
    assert not tree_of((await system.browser.get("/p/ubnd-ben-mau/2.000815")).text).xpath(
        "//section[@aria-labelledby='by-hand']"
    )


@pytest.mark.parametrize("narrative", ["{reference}", "khong ro"])
async def test_the_code_stays_while_money_waits_in_suspense(system: System, narrative: str) -> None:
    bill = await system.create_bill()
    said = narrative.format(reference=bill["reference"])
    await system.transfer(bill["qr"]["payload"], 3000, said)
    await system.told()
    page = tree_of((await system.browser.get(f"/b/{bill['reference']}")).text)
    (source,) = page.xpath("//img[@class='qr']/@src")
    assert (await system.browser.get(str(source))).status_code == 200


async def test_the_sandboxs_bank_names_the_beneficiary_that_the_bill_does(system: System) -> None:
    bill = await system.create_bill()
    there = await system.browser.get(
        f"{system.sandbox_url}/bank", params={"payload": bill["qr"]["payload"]}
    )
    here = await system.browser.get(f"/b/{bill['reference']}")
    for page in (here.text, there.text):
        assert DEMO_HOLDER in words_of(page)
        assert bank_name("999999") in words_of(page)


@pytest.mark.parametrize("confirmed", [True, False])
async def test_an_account_that_one_person_alone_has_said_is_shown_as_unconfirmed(
    system: System, confirmed: bool
) -> None:
    """On a bill's page, on a poster and on every procedure's page, in both languages."""
    async with system.parts.database.transaction() as session:
        since = clock.now() if confirmed else None
        await session.write(update(CollectionAccount).values(confirmed_at=since))
    system.parts.payments.agencies.forget()
    bill = await system.create_bill()
    for path in (f"/b/{bill['reference']}", FIXED, "/p/ubnd-ben-mau/2.000815"):
        for language, told in (
            ("vi", ("chưa được xác nhận", "bảng niêm yết")),
            ("en", ("the notice at the",)),
        ):
            headers = {"Accept-Language": language}
            words = words_of((await system.browser.get(path, headers=headers)).text)
            assert [said in words for said in told] == [not confirmed] * len(told), path
    tree = tree_of((await system.browser.get(FIXED)).text)
    (poster,) = tree.xpath("//div[contains(@class, 'poster')]")
    assert ("chưa được xác nhận" in " ".join(poster.itertext())) is not confirmed
