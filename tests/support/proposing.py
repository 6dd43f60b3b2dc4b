"""A small catalogue, the people who change it, and files that change it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Role, Scope
from payments.agencies.models import Agency
from payments.catalogue.upkeep.entries import Entry, FeeEntry, ProcedureEntry, ReliefEntry
from payments.catalogue.upkeep.proposals.reading import load_entries
from payments.catalogue.upkeep.sheets.cells import Cell, said
from payments.catalogue.upkeep.sheets.columns import cells_of, columns_for
from payments.catalogue.upkeep.sheets.files import read_file
from payments.catalogue.upkeep.sheets.intake import Sheet
from payments.catalogue.upkeep.writing import write_entries
from tests.support.catalogue_files import FEE, RELIEF, csv_of

#: The day of the tests: a Sunday, at noon in Vietnam.
NOON = datetime(2026, 11, 22, 5, tzinfo=UTC)
TODAY = date(2026, 11, 22)

DATED = {
    "basis": "226/2016/TT-BTC",
    "source": "Công báo",
    "certainty": "confirmed",
    "checked_on": TODAY,
}


def fee(code: str, amount: int, valid_from: date, **changes: Any) -> FeeEntry:
    """A fixed fee."""
    named = {"name_vi": f"Phí {code}", "name_en": code, "unit_vi": "bản", "unit_en": "copy"}
    rule = {"kind": "fixed", "rule": {"amount": amount}, "procedure": "9.000001"}
    given = {"code": code, "valid_from": valid_from, "charged": "choice", "sub_item": "2716"}
    return FeeEntry.model_validate(named | rule | DATED | given | changes)


def relief(code: str, valid_from: date, **changes: Any) -> ReliefEntry:
    """A relief from `phi-a`, half of it."""
    given = {"code": code, "name_vi": f"Giảm {code}", "name_en": code, "valid_from": valid_from}
    return ReliefEntry.model_validate(given | {"fees": ["phi-a"], "percent": 50} | DATED | changes)


#: In force, ended, and planned.
NATIONAL: tuple[Entry, ...] = (
    ProcedureEntry.model_validate(
        {
            "code": "9.000001",
            "name_vi": "Thủ tục thử",
            "name_en": "Trial procedure",
            "field": "Thử",
            "code_certainty": "unconfirmed",
        }
    ),
    fee("phi-a", 10_000, date(2017, 1, 1)),
    fee("phi-b", 20_000, date(2017, 1, 1), valid_to=date(2026, 10, 31)),
    fee("phi-c", 30_000, date(2027, 1, 1)),
    relief("giam-a", date(2026, 1, 1)),
)
OWN: tuple[Entry, ...] = (fee("phi-rieng", 5_000, date(2026, 6, 1)),)


@dataclass(frozen=True, slots=True)
class Body:
    """An agency, and those who work for it."""

    agency_id: str
    code: str
    clerk: Principal
    finance: Principal
    chief: Principal
    admin: Principal
    system: Principal


async def add_body(session: WriteSession, code: str) -> Body:
    """An agency with one person for each role."""
    agency = Agency(
        id=new_id("agency"),
        code=code,
        name="Cơ quan thu",
        name_en="Collecting body",
        tax_code="0100000000",
        address="Hà Nội",
        phone="024",
        return_origins=[],
        created_at=NOON,
    )
    session.add(agency)
    await session.flush()

    def who(actor: str, *roles: Role, scopes: Iterable[Scope] = ()) -> Principal:
        mine = frozenset({agency.id})
        key = new_id("key")
        return Principal(actor, key, agency.id, mine, frozenset(roles), frozenset(scopes))

    return Body(
        agency.id,
        code,
        clerk=who(f"staff:clerk-{code}", Role.CLERK),
        finance=who(f"staff:finance-{code}", Role.FINANCE),
        chief=who(f"staff:chief-{code}", Role.CHIEF),
        admin=who(f"staff:admin-{code}", Role.ADMIN),
        system=who("key:portal", scopes=Scope),
    )


async def add_catalogue(session: WriteSession, body: Body) -> None:
    """The small catalogue: the national entries and the body's own."""
    await write_entries(session, NATIONAL)
    await write_entries(session, OWN, body.agency_id)


async def edited(
    session: WriteSession,
    agency_id: str | None,
    changes: Mapping[str, Mapping[str, str]],
    *,
    table: str = "fees",
    added: Sequence[Mapping[str, str]] = (),
) -> list[Sheet]:
    """What an owner's table says, exported, with some cells changed by code, and rows added."""
    entries = (await load_entries(session, agency_id, [table]))[table].values()
    columns = columns_for(table, entries)
    rows = []
    for entry in entries:
        cells: Sequence[Cell] = cells_of(entry, columns)
        row = {column.key: said(cell) for column, cell in zip(columns, cells, strict=True)}
        rows.append(row | dict(changes.get(row["code"], {})))
    return read_file(csv_of(*rows, *added, table=table))


def new_fees(*changes: Mapping[str, str]) -> list[Sheet]:
    """A file of new fees of the trial procedure."""
    rows = [FEE | {"procedure": "9.000001"} | dict(one) for one in changes]
    return read_file(csv_of(*rows))


def new_reliefs(*changes: Mapping[str, str]) -> list[Sheet]:
    """A file of new reliefs."""
    rows = [RELIEF | {"fees": "phi-a"} | dict(one) for one in changes]
    return read_file(csv_of(*rows, table="reliefs"))
