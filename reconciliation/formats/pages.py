"""Files that hold several statements, one after the other: pages, days, other accounts. Pure.

MT940 and camt say of each statement which account it is of and what it begins and ends with.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from core.errors import FieldError
from reconciliation.formats.accounts import is_of_account
from reconciliation.formats.balances import GAPS_TOLD, BalanceGap, Balances
from reconciliation.formats.rows import (
    StatementRefused,
    StatementRow,
    fault_at,
    fault_of_file,
)
from reconciliation.formats.statement_file import NO_LINES, StatementFile


@dataclass(slots=True, eq=False)
class StatementPage:
    """One statement of a file: where it begins, its account, its rows, its balances in đồng.

    `opening` and `closing` are amount and row. `name` tells it from the others of its account;
    `is_last` is False where it says that another page follows.
    """

    row: int
    account: str = ""
    name: str = ""
    opening: tuple[int, int] | None = None
    closing: tuple[int, int] | None = None
    rows: list[StatementRow] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    is_last: bool = True
    faults: list[FieldError] = field(default_factory=list)
    #: whether it has totals of its own, which agree with its rows
    has_totals: bool = False


def own_pages(pages: Sequence[StatementPage], account_number: str) -> list[StatementPage]:
    """The statements of our account; where none is ours all, so that it shows whose they are.

    One that does not tell its account may be ours; an empty `account_number` takes any.
    """
    own = [
        page
        for page in pages
        if not (page.account and account_number) or is_of_account([page.account], account_number)
    ]
    return own if any(page.account for page in own) else list(pages)


def page_faults(own: Sequence[StatementPage]) -> list[FieldError]:
    """What is wrong with our statements, and with how they stand together.

    Two accounts that both may be ours, one of them hidden in part, are a fault; so is a page that
    stands twice.
    """
    faults = [fault for page in own for fault in page.faults]
    accounts = list(dict.fromkeys(page.account for page in own if page.account))
    if len(accounts) > 1:
        detail = f"Tệp có sao kê của nhiều tài khoản: {', '.join(accounts)}; hãy tách từng tệp."
        faults.append(fault_of_file("several_accounts", detail))
    first: dict[object, StatementPage] = {}
    for page in own:
        if len(own) == 1 or not page.rows:
            continue
        # By the page itself: a file may stand in one row as a whole.
        before = first.setdefault(_what_it_says(page), page)
        if before is not page:
            detail = f"trang {page.name} đã có ở dòng {before.row}"
            faults.append(fault_at(page.row, "", "page_twice", detail))
    return faults


def _what_it_says(page: StatementPage) -> object:
    """A page but for its place: banks number pages anew each day, or not at all."""
    balances = [None if told is None else told[0] for told in (page.opening, page.closing)]
    rows = tuple(replace(row, line_no=0) for row in page.rows)
    return page.account, page.name, *balances, rows


def balances_of(pages: Sequence[StatementPage]) -> Balances:
    """What the account had before the first of these statements, and after the last."""
    if not pages:
        return Balances()
    opening, closing = pages[0].opening, pages[-1].closing
    return Balances(
        None if opening is None else opening[0],
        None if closing is None or not pages[-1].is_last else closing[0],
    )


def page_gaps(pages: Sequence[StatementPage]) -> tuple[BalanceGap, ...]:
    """Where the balances do not go from line to line and from page to page, at most so many."""
    gaps = []
    known: int | None = None
    for page in pages:
        if page.opening is not None:
            told, row = page.opening
            if known is not None and known != told:
                gaps.append(BalanceGap(row, known, told))
            known = told
        if known is not None:
            known += sum(
                one.amount if one.direction == "credit" else -one.amount for one in page.rows
            )
        if page.closing is not None:
            told, row = page.closing
            if known is not None and known != told:
                gaps.append(BalanceGap(row, known, told))
            known = told
    return tuple(gaps[:GAPS_TOLD])


def skipped_of(pages: Sequence[StatementPage], own: Sequence[StatementPage]) -> dict[str, int]:
    """What was passed over in our statements, and how many statements of other accounts."""
    skipped: Counter[str] = Counter()
    for page in own:
        skipped.update(page.skipped)
    if len(own) < len(pages):
        skipped["other_account"] = len(pages) - len(own)
    return dict(skipped)


def statement_of(
    pages: Sequence[StatementPage],
    account_number: str,
    faults: Sequence[FieldError],
    follows: str,
) -> StatementFile:
    """The file that these statements make; `faults` are those of no statement.

    `follows` says in words that the last page announces another one. Raises `StatementRefused`.
    """
    own = own_pages(pages, account_number)
    found = [*faults, *page_faults(own)]
    if found:
        raise StatementRefused(found)
    notes = []
    ours = set(own)
    others = dict.fromkeys(page.account for page in pages if page not in ours)
    if others:
        notes.append(f"Bỏ qua sao kê của tài khoản khác trong tệp: {', '.join(others)}.")
    if not own[-1].is_last:
        notes.append(follows)
    if not any(page.rows for page in own):
        notes.append(NO_LINES)
    return StatementFile(
        [row for page in own for row in page.rows],
        skipped_of(pages, own),
        tuple(dict.fromkeys(page.account for page in own)),
        balances_of(own),
        page_gaps(own),
        all(page.has_totals for page in own),
        tuple(notes),
    )
