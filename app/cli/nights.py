"""The work of `lephi reconcile schedule` and `nights`, which needs the whole house."""

from dataclasses import asdict
from datetime import date, time

import typer

from app.cli.console import fail, show, show_table
from app.cli.signed_in import as_person
from app.cli.wired import with_parts
from app.parts import Parts
from core.clock import VIETNAM
from core.days import day_text
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.queries import find_agency, find_collection_account
from reconciliation.days.nightly import NightValue, list_open_nights
from reconciliation.days.schedules import NewSchedule, set_schedule

_STATES = {"due": "đến hạn", "running": "đang chạy", "waiting": "chờ chạy lại"}


def schedule(
    account: str | None, agency: str | None, valid_from: date, at: time | None, by: str
) -> None:
    """Set when the days of an account, or of all of a body's, are reconciled by themselves."""

    async def work(session: WriteSession, person: Principal) -> str:
        person.require(Action.SCHEDULE_NIGHTS)
        found = None if account is None else await find_collection_account(session, account)
        body = None if agency is None else await find_agency(session, agency)
        agency_id = found.agency_id if found else body.id if body else ""
        if agency_id not in person.agency_ids:
            fail(f"There is no {'account' if account else 'agency'} {account or agency}.")
        new = NewSchedule(agency_id, found, valid_from, at)
        return await set_schedule(session, new, actor=person.actor)

    typer.echo(as_person(by, work))


def show_nights(*, as_json: bool) -> None:
    """Print the nights that are due and not done, the oldest first."""

    async def work(parts: Parts) -> list[NightValue]:
        async with parts.database.reading() as session:
            return await list_open_nights(session, parts.reconciling.calendar)

    nights = with_parts(work)
    if as_json:
        show([asdict(one) for one in nights])
        return
    rows = [
        [
            one.account,
            day_text(one.business_on),
            f"{one.due_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}",
            _STATES[one.state],
            one.tries,
            one.error,
        ]
        for one in nights
    ]
    show_table(["Tài khoản", "Ngày", "Đến hạn", "Trạng thái", "Số lần thử", "Lỗi"], rows)
