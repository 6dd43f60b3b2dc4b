"""Whatever the database or an approval holds has a word on staff's pages."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, inspect
from sqlmodel import SQLModel

from app.web.staff import keeping_invoices, keeping_messages, message_words
from app.web.staff.approval_facts import facts_of, title_of
from app.web.staff.history_words import BILL_STATES, PAYMENT_STATES, RECEIPT_STATES
from app.web.staff.room_words import ROOM_WORDS
from payments.bills.models import Bill, Payment
from payments.bills.reasons import Reason
from payments.messages.models import PayerMessage
from receipts.invoices.models import Invoice
from receipts.models import Receipt
from reconciliation.days.control_totals import LineSums
from reconciliation.words import CLASSES, PLACES, REASONS, RESOLUTIONS, SIDES

ROOT = Path(__file__).parents[2]
#: Told by what is in it alone: a count and a sum of each class.
OF_PARTS = {"classes"}


def states_of(model: type[SQLModel]) -> set[str]:
    """The states that the database allows, by the constraint that says so."""
    found = [
        str(one.sqltext)
        for one in inspect(model).local_table.constraints
        if isinstance(one, CheckConstraint) and str(one.sqltext).startswith("status IN")
    ]
    assert len(found) == 1
    return set(re.findall(r"'(\w+)'", found[0]))


def figures_named(folder: Path) -> Iterator[tuple[str, str]]:
    """What the approvals of a package are based on: where, and the name of each figure."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Assign(targets=[ast.Name("figures")], value=ast.Dict(keys=keys)):
                    for key in keys:
                        if isinstance(key, ast.Constant):
                            yield str(path.relative_to(ROOT)), str(key.value)


@pytest.mark.parametrize(
    ("model", "words"),
    [(Bill, BILL_STATES), (Payment, PAYMENT_STATES), (Receipt, RECEIPT_STATES)],
)
def test_every_state_has_its_word(model: type[SQLModel], words: Mapping[str, str]) -> None:
    assert set(words) == states_of(model)


def test_every_message_has_its_words() -> None:
    allowed = {
        str(one.name).rpartition("_")[2]: set(re.findall(r"'(\w+)'", str(one.sqltext)))
        for one in SQLModel.metadata.tables[str(PayerMessage.__tablename__)].constraints
        if isinstance(one, CheckConstraint)
    }
    told = {
        "kind": keeping_messages.KINDS,
        "channel": message_words.CHANNELS,
        "state": keeping_messages.STATES,
    }
    assert {name: set(words) for name, words in told.items()} == {
        name: allowed[name] for name in told
    }


def test_every_state_of_an_invoice_has_its_words() -> None:
    (states,) = [
        set(re.findall(r"'(\w+)'", str(one.sqltext)))
        for one in SQLModel.metadata.tables[str(Invoice.__tablename__)].constraints
        if isinstance(one, CheckConstraint) and str(one.name).endswith("_state")
    ]
    assert set(keeping_invoices.STATES) == states


def test_every_word_of_reconciling_is_one_that_pages_translate() -> None:
    said = {
        word for words in (CLASSES, SIDES, RESOLUTIONS, REASONS, PLACES) for word in words.values()
    }
    assert len(said) > 60
    assert said - set(ROOM_WORDS) == set()


def test_every_reason_for_which_money_waits_has_its_word() -> None:
    assert {str(reason) for reason in Reason} - set(REASONS) == set()


def test_every_figure_of_an_approval_has_its_word() -> None:
    named = [one for room in ("payments", "reconciliation") for one in figures_named(ROOT / room)]
    assert len(named) > 60
    untold = [
        (where, name) for where, name in named if _label(name) == name and name not in OF_PARTS
    ]
    assert untold == []


def test_every_sum_of_a_days_lines_has_its_word() -> None:
    """Whoever closes a day approves them."""
    assert [one.name for one in fields(LineSums) if _label(one.name) == one.name] == []


def test_a_class_of_which_there_is_nothing_is_not_listed() -> None:
    some = {"expected": {"count": 2, "sum": 7_000}, "missing": {"count": 0, "sum": 0}}
    told = facts_of({"classes": some, "payments": {"count": 0, "sum": 0}})
    # What a day has taken is said even where it is nothing.
    assert [one.value for one in told] == [(2, 7_000), (0, 0)]


def test_what_has_a_page_of_its_own_is_led_to_and_not_spelt() -> None:
    (payment,) = facts_of({"payment": "pay_01a22dd2337f778b97f92cb82e600917"})
    assert (payment.kind, payment.value) == (
        *("link", "/staff/payments/pay_01a22dd2337f778b97f92cb82e600917"),
    )
    # A bill by its reference is text, as it was.
    assert facts_of({"bill": "LP2NSRWVMFWUQC"})[0].value == "LP2NSRWVMFWUQC"


def test_a_figure_without_a_word_is_noticed() -> None:
    assert _label("odd_figure") == "odd_figure"
    assert title_of("odd_kind") == "odd_kind"


def _label(name: str) -> str:
    """What a figure is called; empty where it is nobody's to see."""
    told = facts_of({name: "1"})
    return told[0].label if told else ""
