"""Changes of the catalogue, proposed by one person and applied by another.

A proposal keeps a file's entries and the differences that its proposer saw. Whoever applies it has
seen the same: under the catalogue's lock everything is checked and compared again, with the day
and the catalogue as they then are, and nothing is written unless the outcome is what was shown.

An agency's people change the fees and reliefs of their agency. The national catalogue is the
operator's, at the command line (`operator`), by people who are administrators.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from pydantic import ValidationError
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from core import clock
from core.audit import record
from core.errors import Conflict, FieldError, Invalid, NotAllowed
from core.file_names import LONGEST_NAME
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.catalogue.models import CatalogueProposal
from payments.catalogue.upkeep.proposals.differences import Differences, compare
from payments.catalogue.upkeep.proposals.objections import find_objections
from payments.catalogue.upkeep.proposals.reading import load_owned
from payments.catalogue.upkeep.proposals.rows import (
    Owners,
    Proposal,
    ProposalRow,
    differences_of,
    get_row,
    kept,
    lock_row,
    placed_of,
    value_of,
)
from payments.catalogue.upkeep.sheets.columns import CLASSES
from payments.catalogue.upkeep.sheets.faults import MOST_FAULTS, FileRefused
from payments.catalogue.upkeep.sheets.intake import PlacedEntry, Sheet, take
from payments.catalogue.upkeep.writing import lock_catalogue, write_entries

_TWO_PEOPLE = "Người đề xuất không tự áp dụng được; cần người thứ hai."


class Stale(Conflict):
    """The catalogue, or the day, has moved on since the preview: reject it and propose anew."""

    code = "stale"


class NoChanges(Conflict):
    """The file says what the catalogue says already: there is nothing to apply."""

    code = "no_changes"


class AlreadyDecided(Conflict):
    """The proposal has been applied or rejected already: look at it again."""

    code = "already_decided"


class SamePerson(NotAllowed):
    """Who proposed a change may not apply it: another person has to."""

    code = "two_people"


async def propose(
    session: WriteSession,
    agency_id: str | None,
    file_name: str,
    sheets: Sequence[Sheet],
    by: Principal,
    *,
    operator: bool = False,
) -> Proposal:
    """Check a file against the catalogue and keep it, with what it would change.

    Raises `FileRefused` naming every fault, `NoChanges`, and `NotAllowed` for who is no person or
    may not change this catalogue.
    """
    check_proposer(by, agency_id, operator=operator)
    today = clock.business_date(clock.now())
    owned = await load_owned(session, agency_id)
    # Checking thousands of rows takes a while, which nobody else should have to wait for.
    taken = await asyncio.to_thread(take, sheets)
    objections = await asyncio.to_thread(find_objections, taken.placed, owned, today, taken.codes)
    if taken.faults or objections:
        raise FileRefused([*taken.faults, *objections])
    placed = sorted(taken.placed, key=lambda one: list(CLASSES).index(one.table))
    differences = await asyncio.to_thread(compare, placed, owned, today)
    if differences.is_empty:
        raise NoChanges("Tệp không khác danh mục: không có gì để áp dụng.")
    differences = differences.warned_of(taken.warnings)
    proposal_id = new_id("change")
    await session.write(
        insert(CatalogueProposal),
        {
            "id": proposal_id,
            "agency_id": agency_id,
            # Refused at the door where it is no name; whatever comes by another way is made one.
            "file_name": "".join(c if c.isprintable() else " " for c in file_name)[:LONGEST_NAME],
            "entries": kept(placed, differences),
            "state": "proposed",
            "proposed_by": by.actor,
            "proposed_at": clock.now(),
        },
    )
    row = await get_row(session, proposal_id, frozenset({agency_id}))
    await _record(session, row, by.actor, "catalogue.proposed", differences)
    return value_of(row)


async def get_proposal(
    session: ReadSession, proposal_id: str, by: Principal, *, operator: bool = False
) -> Proposal:
    """A proposal that the caller may see. Raises `NotFound`."""
    return value_of(await get_row(session, proposal_id, _reach(by, operator=operator)))


async def is_stale(session: ReadSession, proposal: Proposal) -> bool:
    """Whether an open proposal can no longer be applied as it was shown."""
    row = await get_row(session, proposal.id, frozenset({proposal.agency_id}))
    try:
        await _check_again(session, row)
    except Stale:
        return True
    return False


async def apply(
    session: WriteSession, proposal_id: str, by: Principal, *, operator: bool = False
) -> Proposal:
    """Write a proposal's entries into the catalogue; `by` is another person than its proposer.

    Raises `NotFound`, `NotAllowed`, `SamePerson`, `AlreadyDecided` and `Stale`.
    """
    # First of all: what is read from here on stays as it is until this transaction ends.
    await lock_catalogue(session)
    row = await lock_row(session, proposal_id, _reach(by, operator=operator))
    _check_person(by, row.agency_id, Action.DECIDE_CHANGE, operator=operator)
    _check_open(row)
    _check_another(row, by)
    placed, differences = await _check_again(session, row)
    async with _clear_conflicts():
        await write_entries(session, [one.entry for one in placed], row.agency_id)
        row = await _decide(session, row, by, "applied")
    await _record(session, row, by.actor, "catalogue.applied", differences)
    return value_of(row)


async def reject(
    session: WriteSession,
    proposal_id: str,
    reason: str,
    by: Principal,
    *,
    operator: bool = False,
) -> Proposal:
    """Set a proposal aside; who proposed it may take it back so. Raises as `apply` does."""
    row = await lock_row(session, proposal_id, _reach(by, operator=operator))
    own = row.proposed_by == by.actor
    action = Action.PROPOSE_CHANGE if own else Action.DECIDE_CHANGE
    _check_person(by, row.agency_id, action, operator=operator)
    _check_open(row)
    row = await _decide(session, row, by, "rejected", reason)
    await _record(session, row, by.actor, "catalogue.rejected", differences_of(row))
    return value_of(row)


def check_proposer(by: Principal, agency_id: str | None, *, operator: bool = False) -> None:
    """Raise `NotAllowed` unless this is a person who may propose changes of this catalogue."""
    _check_person(by, agency_id, Action.PROPOSE_CHANGE, operator=operator)


def _check_person(by: Principal, agency_id: str | None, action: Action, *, operator: bool) -> None:
    if by.is_system:
        raise NotAllowed("Việc này cần một người, không dùng khóa của hệ thống.")
    if agency_id is None:
        if not operator or not by.may(Action.CHANGE_NATIONAL):
            raise NotAllowed("Danh mục chung do quản trị hệ thống sửa.")
        return
    by.require(action)
    if agency_id not in by.agency_ids:
        raise NotAllowed("Đây không phải cơ quan của bạn.")


async def _decide(
    session: WriteSession, row: ProposalRow, by: Principal, state: str, reason: str | None = None
) -> ProposalRow:
    """Write down what has been decided of a locked row; the row as it then is."""
    now = clock.now()
    change = update(CatalogueProposal).where(col(CatalogueProposal.id) == row.id)
    await session.write(
        change.values(state=state, decided_by=by.actor, decided_at=now, reason=reason)
    )
    return replace(row, state=state, decided_by=by.actor, decided_at=now, reason=reason)


def _check_open(row: ProposalRow) -> None:
    if row.state != "proposed":
        done = {"applied": "áp dụng", "rejected": "từ chối"}[row.state]
        raise AlreadyDecided(f"Đề xuất này đã được {done}.")


def _check_another(row: ProposalRow, by: Principal) -> None:
    # The database refuses it too; see the constraint two_people.
    if row.proposed_by == by.actor:
        raise SamePerson(_TWO_PEOPLE)


def _reach(by: Principal, *, operator: bool) -> Owners:
    """Whose proposals somebody may see."""
    national = operator and by.may(Action.CHANGE_NATIONAL)
    return by.agency_ids | {None} if national else by.agency_ids


async def _check_again(
    session: ReadSession, row: ProposalRow
) -> tuple[list[PlacedEntry], Differences]:
    """The entries and their differences as of now. Raises `Stale` if they are not as shown."""
    today = clock.business_date(clock.now())
    owned = await load_owned(session, row.agency_id)
    again = "Hãy từ chối đề xuất này rồi nộp lại tệp để xem trước."
    try:
        placed = placed_of(row)
    except (ValidationError, Invalid) as error:
        # A newer version of the service may be stricter than the one that took the file.
        raise Stale(f"Đề xuất không còn hợp lệ. {again}") from error
    faults = await asyncio.to_thread(find_objections, placed, owned, today)
    if faults:
        raise Stale(
            f"Đề xuất không còn hợp lệ: {faults[0].words} {again}",
            errors=[FieldError(one.field, one.code, one.words) for one in faults[:MOST_FAULTS]],
        )
    differences = await asyncio.to_thread(compare, placed, owned, today)
    if not differences.same_effect(differences_of(row)):
        raise Stale(f"Danh mục đã thay đổi từ khi xem trước. {again}")
    return placed, differences


@asynccontextmanager
async def _clear_conflicts() -> AsyncIterator[None]:
    """What the database refuses although nothing was found: someone writes without the lock."""
    try:
        yield
    except IntegrityError as error:
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""
        if constraint.endswith("two_people"):
            raise SamePerson(_TWO_PEOPLE) from error
        raise Stale(
            "Cơ sở dữ liệu từ chối vì trùng hoặc chồng thời gian với dòng khác; hãy nộp lại tệp.",
            errors=[FieldError("file", "conflict", f"Ràng buộc {constraint}.")],
        ) from error


async def _record(
    session: WriteSession,
    row: ProposalRow,
    actor: str,
    action: str,
    differences: Differences,
) -> None:
    counts = {
        one.table: {"added": one.added, "changed": one.changed, "unchanged": one.unchanged}
        for one in differences.counts
    }
    details = {"agency_id": row.agency_id, "tables": counts}
    await record(session, actor=actor, action=action, object_id=row.id, details=details)
