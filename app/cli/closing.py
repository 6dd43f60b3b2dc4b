"""The work of `lephi reconcile close`, `undo` and `minutes`, which needs the whole house."""

from pathlib import Path

import typer

from app.cli.approvals import one_line, show_approval
from app.cli.console import fail, show, write_file
from app.cli.signed_in import as_person_with
from app.cli.wired import with_parts
from app.parts import Parts
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.tree import branches
from payments.books.approvals import ApprovalValue, propose
from payments.books.schemas import ApprovalOut
from reconciliation.closing.closing import ClosingStep, close
from reconciliation.closing.minutes import get_minutes
from reconciliation.closing.minutes_files import FileKind
from reconciliation.days.undoing import UNDO_MATCH
from reconciliation.queries import get_run

_KINDS: dict[str, FileKind] = {".pdf": "pdf", ".xlsx": "xlsx"}


def close_day(run: str, reason: str, by: str, *, as_json: bool) -> None:
    """Ask that a run's day be closed, or close it where somebody else has asked."""

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ClosingStep:
        person.require(Action.CLOSE_DAY)
        known = await get_run(session, run, person.agency_ids)
        return await close(session, parts.approval_kinds, known.id, reason, person)

    step = as_person_with(by, work)
    status = "closed" if step.closed else "closing_proposed"
    if as_json:
        approval = ApprovalOut.of(step.approval).model_dump(mode="json")
        show({"status": status, "reconciliation": run, "approval": approval})
    else:
        typer.echo(f"{run}  {status}")


def undo_match(run: str, payment: str, reason: str, by: str, *, as_json: bool) -> None:
    """Ask that a match of a run be undone: another person approves it."""
    why = one_line(reason)

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        known = await get_run(session, run, person.agency_ids)
        told, kinds = {"run": known.id}, parts.approval_kinds
        return await propose(session, kinds, UNDO_MATCH, payment, told, why, person)

    show_approval(as_person_with(by, work), as_json=as_json)


def write_minutes(run: str, out: Path) -> None:
    """Write the minutes of the day that a run closed, as the kind of file that `out` is."""
    kind = _KINDS.get(out.suffix.lower())
    if kind is None:
        fail("The file must end with .pdf or .xlsx.")

    async def work(parts: Parts) -> bytes:
        async with parts.database.reading() as session:
            known = await get_run(session, run, list(await branches(session)))
            minutes = await get_minutes(session, known.id)
        return await parts.minutes_press.file(minutes, kind)

    write_file(out, with_parts(work))
