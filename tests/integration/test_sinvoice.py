"""S-Invoice's dialect against the sandbox: made once, asked about, adjusted, refused."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest

from adapters.invoices import sinvoice
from adapters.invoices.providers import InvoiceDirectory
from core import clock
from core.ids import new_id
from receipts.invoice_calls import (
    AdjustedInvoice,
    InvoiceAccess,
    InvoiceFate,
    InvoiceOrder,
    InvoiceParty,
)
from receipts.invoices.amounts import invoice_lines
from tests.support.invoicing import InvoiceMaker, invoice_maker

DIRECTORY = InvoiceDirectory(total_deadline=10)
CREDENTIALS = {"username": "u", "password": "canary", "tax_code": "0100109106"}


@pytest.fixture
async def maker() -> AsyncIterator[InvoiceMaker]:
    async with invoice_maker() as found:
        yield found


def access_to(maker: InvoiceMaker, **changes: str) -> InvoiceAccess:
    credentials = CREDENTIALS | {"template_code": "1/770"} | changes
    return InvoiceAccess("sinvoice", f"{maker.url}/s-invoice", credentials)


def order(**changes: object) -> InvoiceOrder:
    lines = invoice_lines([("Thuê sạp A-1", 108_000), ("Nước", 21_600)], 8)
    vat = sum(one.vat for one in lines)
    plain = InvoiceOrder(
        key=new_id("invoice"),
        form="1",
        symbol="C26TAA",
        issued_on=clock.business_date(clock.now()),
        seller=InvoiceParty("Ban quản lý chợ", "0100109106", "1 Phố Chợ"),
        buyer=InvoiceParty("Nguyễn Thị Một"),
        lines=lines,
        amount=129_600,
        net=129_600 - vat,
        vat=vat,
        vat_percent=8,
        payment_method="Chuyển khoản",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # each test changes what it means to


async def test_an_invoice_is_made_and_found_by_its_key(maker: InvoiceMaker) -> None:
    access, wanted = access_to(maker), order()
    assert (await DIRECTORY.find(access, wanted.key)).fate is InvoiceFate.ABSENT
    made = await DIRECTORY.issue(access, wanted)
    assert (made.fate, made.symbol, made.number, made.amount) == (
        *(InvoiceFate.ISSUED, "C26TAA", 1),
        None,
    )
    assert made.authority_code
    assert await DIRECTORY.find(access, wanted.key) == made
    (kept,) = await maker.made()
    assert (kept["amount"], kept["order"]["vat"]) == (129_600, wanted.vat)
    # Asked for again it is no second one, and no word about the first: that is asked for.
    assert (await DIRECTORY.issue(access, wanted)).fate is InvoiceFate.UNCLEAR
    assert len(await maker.made()) == 1


@pytest.mark.parametrize("decreases", [True, False])
async def test_an_adjusting_invoice_names_the_first_and_its_direction(
    maker: InvoiceMaker, decreases: bool
) -> None:
    access, first = access_to(maker), order(vat_percent=None)
    made = await DIRECTORY.issue(access, first)
    assert made.number is not None
    adjusted = AdjustedInvoice(
        *(first.key, first.form, made.symbol, made.number, date(2026, 11, 1)), decreases=decreases
    )
    second = await DIRECTORY.issue(access, order(adjusts=adjusted))
    assert (second.fate, second.number) == (InvoiceFate.ISSUED, 2)
    told = (await maker.made())[1]["order"]["adjusts"]
    assert told == {"number": "C26TAA1", "increases": not decreases}
    nowhere = replace(adjusted, number=99)
    refused = await DIRECTORY.issue(access, order(adjusts=nowhere))
    assert (refused.fate, refused.fault) == (InvoiceFate.REFUSED, "ORIGINAL_INVOICE_NOT_FOUND")


@pytest.mark.parametrize(
    ("buyer", "sent"),
    [
        (InvoiceParty("Bà Một"), {"buyerName": "Bà Một"}),
        (
            InvoiceParty("Công ty Hai", "0100109106", "2 Phố Chợ"),
            {
                "buyerName": "Công ty Hai",
                "buyerLegalName": "Công ty Hai",
                "buyerTaxCode": "0100109106",
                "buyerAddressLine": "2 Phố Chợ",
            },
        ),
        # Who gave no name takes no invoice: else a name is wanted.
        (InvoiceParty(), {"buyerNotGetInvoice": 1}),
    ],
)
async def test_a_buyer_is_told_as_its_document_wants(
    maker: InvoiceMaker, buyer: InvoiceParty, sent: dict[str, object]
) -> None:
    wanted = order(buyer=buyer)
    assert sinvoice._told(wanted, "1/770")["buyerInfo"] == sent
    assert (await DIRECTORY.issue(access_to(maker), wanted)).fate is InvoiceFate.ISSUED


def test_an_adjusting_invoice_bears_the_words_of_the_law() -> None:
    first = AdjustedInvoice("invoice_1", "2", "C26MAA", 57, date(2026, 11, 1), decreases=True)
    general = sinvoice._told(order(adjusts=first), "2/0123")["generalInvoiceInfo"]
    assert general["invoiceNote"] == (
        "Điều chỉnh giảm cho hóa đơn Mẫu số 2, ký hiệu C26MAA, số 57, ngày 01 tháng 11 năm 2026"
    )
    assert "originalTemplateCode" not in general


@pytest.mark.parametrize(
    ("fault", "fate", "made"),
    [
        ("unclear", InvoiceFate.UNCLEAR, InvoiceFate.ISSUED),
        ("mute", InvoiceFate.UNCLEAR, InvoiceFate.ABSENT),
        ("refused", InvoiceFate.REFUSED, InvoiceFate.ABSENT),
    ],
)
async def test_what_goes_wrong_is_told_apart(
    maker: InvoiceMaker, fault: str, fate: InvoiceFate, made: InvoiceFate
) -> None:
    access, wanted = access_to(maker), order()
    await maker.plan(fault)
    assert (await DIRECTORY.issue(access, wanted)).fate is fate
    assert (await DIRECTORY.find(access, wanted.key)).fate is made


async def test_without_an_account_nothing_happens(maker: InvoiceMaker) -> None:
    access, wanted = access_to(maker, password=""), order()
    answer = await DIRECTORY.issue(access, wanted)
    assert (answer.fate, answer.fault) == (InvoiceFate.LATER, "not signed in (HTTP 401)")
    assert [one.field for one in DIRECTORY.faults(access)] == ["password"]
    assert await maker.made() == []
    away = InvoiceAccess("sinvoice", "http://127.0.0.1:9", dict(access.credentials))
    assert (await DIRECTORY.find(away, wanted.key)).fate is InvoiceFate.LATER
