"""`lephi market`: markets, and files of their stalls, vendors and contracts."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from app.cli.approvals import Reason, one_line, show_approval
from app.cli.asking import asked
from app.cli.console import Json, check_path, fail, show, show_table
from app.cli.signed_in import By, as_person_with, ask_password
from app.cli.wired import with_parts
from app.parts import Parts
from core.bodies import validated
from core.file_names import checked_name
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.access.staff import sign_in
from payments.agencies.tree import branches
from payments.billing.answers import MarketOut
from payments.billing.api import own_agency, own_market
from payments.billing.approvals import STALL_TARIFF, STALL_WAIVER
from payments.billing.commands import create_market
from payments.billing.imports.commands import NewStallImport, take_import
from payments.billing.imports.loading import load_import
from payments.billing.imports.queries import StallImportValue, get_import
from payments.billing.markets import get_market, list_markets
from payments.billing.schemas import MarketIn, ScheduleIn, StallTariffIn, WaiverIn
from payments.billing.setting_up import schedule_market
from payments.billing.sheets import LARGE_FILE, read_rows
from payments.books.approvals import ApprovalValue, propose

market = typer.Typer(help="Markets: stalls, vendors, contracts, prices.", no_args_is_help=True)

MarketName = Annotated[str, typer.Option("--market", help="The market's code or id.")]


@market.callback()
def about() -> None:
    """Markets: stalls, vendors, contracts, prices."""


@market.command("list")
def list_all(as_json: Json = False) -> None:
    """Show every market, in the order in which a collector goes round."""

    async def work(parts: Parts) -> list[MarketOut]:
        async with parts.database.reading() as session:
            everybody = list(await branches(session))
            return [MarketOut.of(one) for one in await list_markets(session, everybody)]

    found = with_parts(work)
    if as_json:
        show([one.model_dump(mode="json") for one in found])
        return
    rows = [(one.code, one.name, one.market_class, one.due_day) for one in found]
    show_table(("Code", "Name", "Class", "Due"), rows)


@market.command("create")
def create(
    agency: Annotated[str, typer.Option(help="The agency's code.")],
    code: Annotated[str, typer.Option(help="The market's code.")],
    name: Annotated[str, typer.Option(help="Its name, in Vietnamese.")],
    name_en: Annotated[str, typer.Option(help="Its name, in English.")],
    market_class: Annotated[int, typer.Option("--class", min=1, max=3, help="1, 2 or 3.")],
    by: By,
    due_day: Annotated[int, typer.Option(min=1, max=28, help="When a month is due.")] = 15,
    as_json: Json = False,
) -> None:
    """Write a market down."""
    told = {"agency": agency, "code": code, "name": name, "name_en": name_en}
    given = asked(MarketIn, told | {"market_class": market_class, "due_day": due_day})

    async def work(_: Parts, session: WriteSession, person: Principal) -> MarketOut:
        person.require(Action.KEEP_MARKETS)
        agency_id = await own_agency(session, person, given.agency)
        made = await create_market(session, agency_id, given.new, actor=person.actor)
        return MarketOut.of(await get_market(session, made))

    made = as_person_with(by, work)
    if as_json:
        show(made.model_dump(mode="json"))
    else:
        typer.echo(f"{made.id}  {made.code}  {made.name}")


@market.command("schedule")
def schedule(
    market: MarketName,
    by: By,
    opening_day: Annotated[
        int | None, typer.Option(min=1, max=28, help="On which day a month is opened.")
    ] = None,
    remind: Annotated[
        str | None,
        typer.Option(metavar="D,…", help='Days of the month to remind on, as 5,10; "" for none.'),
    ] = None,
    itself: Annotated[
        bool | None,
        typer.Option("--opens-itself/--by-people", help="Whether the worker opens months."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say when a market's months are opened and reminded of, and whether the worker opens them."""
    days = None if remind is None else [one.strip() for one in remind.split(",") if one.strip()]
    numbers = None if days is None else [_number(one) for one in days]
    told = {"opening_day": opening_day, "opens_itself": itself, "reminder_days": numbers}

    async def work(_: Parts, session: WriteSession, person: Principal) -> MarketOut:
        person.require(Action.KEEP_MARKETS)
        given = validated(ScheduleIn, told)
        found = await own_market(session, person, market)
        await schedule_market(session, found, **given.model_dump(), actor=person.actor)
        return MarketOut.of(await get_market(session, found.id))

    done = as_person_with(by, work)
    if as_json:
        show(done.model_dump(mode="json"))
        return
    days_told = ", ".join(map(str, done.reminder_days)) or "never"
    who = "by itself" if done.opens_itself else "by people"
    typer.echo(f"{done.code}: opened on day {done.opening_day} {who}, reminders on {days_told}")


@market.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(parser=Path, help="CSV or XLSX, a row for each stall.")],
    market: MarketName,
    by: By,
    as_json: Json = False,
) -> None:
    """Take in stalls, vendors and contracts; with a fault in the file nothing, and each is told.

    A large file goes in batches. After a kill the same file goes on where it was.
    """
    check_path(file)
    try:
        content = file.read_bytes()
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")

    password = ask_password(by)

    async def work(parts: Parts) -> StallImportValue:
        rows = read_rows(content, LARGE_FILE)
        new = NewStallImport(checked_name(file.name), sha256(content).hexdigest(), rows)
        async with parts.database.transaction() as session:
            person = await sign_in(session, by, password)
            person.require(Action.KEEP_MARKETS)
            found = await own_market(session, person, market)
            taken = await take_import(session, found, new, cipher=parts.cipher, actor=person.actor)
        # A worker may be at it too: they take turns.
        key = parts.payments.request_key
        await load_import(parts.database, taken, parts.cipher, key)
        async with parts.database.reading() as session:
            return await get_import(session, taken, person.agency_ids)

    done = with_parts(work)
    if done.state == "stopped":
        fail("\n".join(f"{one['field']}: {one['detail']}" for one in done.faults))
    told = {"rows": done.row_count, **done.counts}
    if as_json:
        show(told)
    else:
        typer.echo(
            f"{done.row_count} rows: {told['stalls']} stalls, {told['vendors']} vendors and"
            f" {told['contracts']} contracts added; {told['known']} were there."
        )
        if count := told["mended_phones"]:
            _tell_mended(count, told["mended_rows"])


def _tell_mended(count: int, rows: Sequence[int]) -> None:
    """In which rows a vendor's telephone number got back the 0 that a spreadsheet took off."""
    phones, of = ("numbers", "rows") if count > 1 else ("number", "row")
    more = f" and {count - len(rows)} more" if count > len(rows) else ""
    listed = ", ".join(map(str, rows))
    typer.echo(f"{count} phone {phones} got back the leading 0: {of} {listed}{more}.")


@market.command("tariff")
def set_tariff(
    market: MarketName,
    kind: Annotated[str, typer.Option(help="The kind of place.")],
    rate: Annotated[int, typer.Option(help="Đồng for a square metre and day, or month.")],
    per: Annotated[str, typer.Option(help="day or month.")],
    valid_from: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    basis: Annotated[str, typer.Option(help="The decision that set it.")],
    reason: Reason,
    by: By,
    surcharge: Annotated[
        list[int] | None, typer.Option(help="Beside that, with two frontages; then with three.")
    ] = None,
    vat_percent: Annotated[
        int, typer.Option(min=0, max=100, help="What comes on top; 0: the rate includes it.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Ask that a kind of place cost this from a day on: another person approves it."""
    told: dict[str, object] = {"kind": kind, "rate": rate, "per": per, "valid_from": valid_from}
    told |= {"basis": basis, "reason": one_line(reason), "vat_percent": vat_percent}
    told |= {"frontage_surcharges": surcharge or [], "vat_included": not vat_percent}
    given = asked(StallTariffIn, told)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        found = await own_market(session, person, market)
        wanted = given.wanted | {"market": found.id, "market_class": found.market_class}
        kinds, about = parts.approval_kinds, new_id("startariff")
        return await propose(session, kinds, STALL_TARIFF, about, wanted, given.reason, person)

    show_approval(as_person_with(by, work), as_json=as_json)


@market.command("waive")
def waive(
    market: MarketName,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="The last day.")],
    kind: Annotated[str, typer.Option(help="closed, storm or hardship.")],
    basis: Annotated[str, typer.Option(help="The decision that grants it.")],
    reason: Reason,
    by: By,
    percent: Annotated[
        int | None, typer.Option(min=1, max=100, help="Of the place's price.")
    ] = None,
    amount: Annotated[
        int | None,
        typer.Option(min=1, help="Or so many đồng of each stall's, spread over the days."),
    ] = None,
    stall: Annotated[str | None, typer.Option(help="A stall's id; else the whole market.")] = None,
    as_json: Json = False,
) -> None:
    """Ask that some days' price be let off: another person approves it."""
    if (percent is None) == (amount is None):
        fail("A waiver is of --percent or of --amount: give one of them.")
    told: dict[str, object] = {"first_on": first, "last_on": last}
    told |= {"percent": percent} if amount is None else {"amount": amount}
    told |= {"kind": kind, "basis": basis, "reason": one_line(reason), "stall": stall}
    given = asked(WaiverIn, told)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        found = await own_market(session, person, market)
        wanted, kinds = given.wanted(found.id), parts.approval_kinds
        about = new_id("waiver")
        return await propose(session, kinds, STALL_WAIVER, about, wanted, given.reason, person)

    show_approval(as_person_with(by, work), as_json=as_json)


def _number(text: str) -> int | str:
    """A number, or what was typed in its place, which is then refused by its field."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else text
