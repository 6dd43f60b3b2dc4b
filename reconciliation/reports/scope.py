"""Whose figures a report is about: a body with its units, as far as the asking one reaches."""

from collections.abc import Collection
from dataclasses import dataclass

from core.errors import NotFound
from core.sessions import ReadSession
from payments.agencies.queries import find_agency, list_agencies_below


@dataclass(frozen=True, slots=True)
class ReportScope:
    """A body, and the ids of all that a report of it counts."""

    code: str
    name: str
    tax_code: str
    agency_id: str
    agency_ids: frozenset[str]


async def scope_of(
    session: ReadSession, code_or_id: str, reached: Collection[str] | None
) -> ReportScope:
    """The body of that code with its units. Raises `NotFound`; `reached` None is everybody."""
    body = await find_agency(session, code_or_id)
    if body is None or (reached is not None and body.id not in reached):
        raise NotFound("Không có cơ quan này.")
    ids = await list_agencies_below(session, body.id)
    return ReportScope(body.code, body.name, body.tax_code, body.id, ids)
