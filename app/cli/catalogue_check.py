"""`lephi catalogue check` and `lephi catalogue changes`: is the catalogue right, and until when?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import Annotated, Any

import typer

from app.cli.catalogue import catalogue
from app.cli.console import Json, fail, show
from app.cli.wired import with_parts
from app.parts import Parts
from app.seed.catalogue import local_fees
from core import clock
from core.days import day_text
from core.errors import LephiError, NotFound
from core.sessions import WriteSession
from payments.agencies.queries import find_agency
from payments.catalogue.queries import load_schedule
from payments.catalogue.rules.schedule import Schedule
from payments.catalogue.upkeep.changes.planned import (
    Change,
    DayOfChanges,
    days_asked,
    planned_changes,
)
from payments.catalogue.upkeep.changes.schemas import ChangesOut
from payments.catalogue.upkeep.inspection.contents import Catalogue
from payments.catalogue.upkeep.inspection.findings import Finding, Level, told_span
from payments.catalogue.upkeep.inspection.loading import load_catalogue
from payments.catalogue.upkeep.inspection.rules import CHECKED_WITHIN, inspect

#: How far the check looks ahead if nothing is said, and at most.
_USUAL_DAYS = 365
_MOST_DAYS = 3660

_HEADINGS = {Level.ERROR: "LỖI", Level.WARNING: "CẢNH BÁO"}

Agency = Annotated[
    str | None,
    typer.Option(help="Code of an agency: only its own schedule and what it inherits."),
]


@catalogue.command("check")
def check(
    on: Annotated[
        str | None, typer.Option(metavar="DATE", help="Day to check; left out, today (Vietnam).")
    ] = None,
    days: Annotated[
        int, typer.Option(min=0, max=_MOST_DAYS, help="How many days ahead to look.")
    ] = _USUAL_DAYS,
    agency: Agency = None,
    checked_within: Annotated[
        int,
        typer.Option(
            min=0, max=_MOST_DAYS, help="Figures last checked more than so many days ago are old."
        ),
    ] = CHECKED_WITHIN,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Also name everything that a summary counts.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for gaps, overlaps, expired bases and missing sub-items; exit 1 if there is an error.

    An error makes a fee wrong or impossible on the day itself. What will go wrong later, and what
    nobody has confirmed, is a warning.
    """
    first = _day(on) or _today()
    last = min(first, date.max - timedelta(days)) + timedelta(days)

    async def work(parts: Parts) -> Catalogue:
        async with parts.database.transaction() as session:
            return await load_catalogue(session, await _agency_id(session, agency))

    found = with_parts(work)
    # A national relief may name what provinces set, none of which need be here.
    found = replace(found, fees_elsewhere=found.fees_elsewhere | local_fees())
    findings = inspect(found, first, last, checked_within=checked_within)
    counts = {level: sum(finding.level == level for finding in findings) for level in Level}
    if as_json:
        show(
            {
                "on": first,
                "horizon": last,
                "errors": counts[Level.ERROR],
                "warnings": counts[Level.WARNING],
                "findings": [_finding_json(finding) for finding in findings],
            }
        )
    else:
        for level in Level:
            _show_findings(level, [one for one in findings if one.level == level], verbose)
        typer.echo(
            f"Kiểm tra từ {day_text(first)} đến hết {day_text(last)}:"
            f" {counts[Level.ERROR]} lỗi, {counts[Level.WARNING]} cảnh báo."
        )
    if counts[Level.ERROR]:
        raise typer.Exit(1)


@catalogue.command("changes")
def changes(
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="First day; left out, today (Vietnam)."),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option("--to", metavar="DATE", help="Last day; left out, a year after the first."),
    ] = None,
    agency: Agency = None,
    as_json: Json = False,
) -> None:
    """Tell which fees change on which days; without --agency, those of the national schedule."""
    try:
        begin, end = days_asked(_day(first), _day(last), _today())
    except LephiError as error:
        fail(error)

    async def work(parts: Parts) -> Schedule:
        async with parts.database.transaction() as session:
            return await load_schedule(session, await _agency_id(session, agency))

    found = planned_changes(with_parts(work), begin, end)
    if as_json:
        show(ChangesOut.of(begin, end, found).model_dump(by_alias=True))
    elif not found:
        typer.echo(f"Không khoản thu nào thay đổi {told_span((begin, end)).vi}.")
    for day in () if as_json else found:
        _show_day(day)


def _today() -> date:
    return clock.business_date(clock.now())


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a date like 2027-03-01") from None


async def _agency_id(session: WriteSession, code: str | None) -> str | None:
    if code is None:
        return None
    found = await find_agency(session, code)
    if found is None:
        raise NotFound(f"Không có cơ quan {code}.")
    return found.id


def _show_findings(level: Level, findings: Sequence[Finding], verbose: bool) -> None:
    if not findings:
        return
    typer.echo(f"{_HEADINGS[level]} ({len(findings)})")
    # What is to be done is told once for all that it holds for.
    for words, alike in groupby(findings, key=lambda one: one.words.vi):
        for one in alike:
            about = " · ".join(filter(None, (one.code, _subject(one), _days(one))))
            typer.echo(f"  {about}")
            for item in one.items if verbose else ():
                typer.echo(f"      - {item}")
        typer.echo(f"      {words}")
    typer.echo()


def _subject(finding: Finding) -> str:
    kind = f"{finding.table.words.vi} " if finding.table else ""
    owner = f" ({finding.owner})" if finding.owner else ""
    return f"{kind}{finding.subject}{owner}"


def _days(finding: Finding) -> str:
    return "" if finding.span is None else told_span(finding.span).vi


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "level": finding.level,
        "code": finding.code,
        "table": finding.table,
        "subject": finding.subject,
        "owner": finding.owner,
        "first_day": finding.first_day,
        "last_day": finding.last_day,
        "detail_vi": finding.words.vi,
        "detail_en": finding.words.en,
        "items": finding.items,
    }


def _show_day(day: DayOfChanges) -> None:
    typer.echo(f"Ngày {day_text(day.day)}: {len(day.changes)} khoản thu thay đổi")
    for change in day.changes:
        typer.echo(f"  {change.fee_code}: {change.fee_name.vi} — {change.kind.words.vi}")
        for mark, words in _sides(change):
            typer.echo(f"    {mark} {words}")


def _sides(change: Change) -> list[tuple[str, str]]:
    sides = (("trước:", change.before), ("sau:  ", change.after))
    return [(mark, words.vi) for mark, words in sides if words is not None]
