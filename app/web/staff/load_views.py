"""What the pages of a file show before it is taken in: whose it may be, its rows and its sums."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import UploadFile

from app.web.staff.column_choices import ColumnChoices, columns_of
from app.web.staff.deeds import StaffDeed
from core.db import Database
from core.errors import FieldError, Invalid, LephiError
from core.ids import new_id
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.listing import GatewayEntry, list_gateways
from payments.agencies.queries import (
    CollectionAccountValue,
    GatewayName,
    get_collection_account,
    get_gateway_name,
    list_collection_accounts,
)
from payments.catalogue.rules.wording import LocalizedText
from payments.ports import GatewayDirectory
from reconciliation.context import ReconciliationContext
from reconciliation.formats.decoding import check_encoding
from reconciliation.formats.mappings import list_mappings
from reconciliation.formats.proposing import PROPOSED
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.formats.registry import FORMATS
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.schemas import RefusalError
from reconciliation.settlements.intake import find_taken
from reconciliation.settlements.preparing import PreparedSettlement
from reconciliation.settlements.recognizing import RecognizedSettlement, recognize_settlement
from reconciliation.settlements.saved_layouts import list_settlement_layouts
from reconciliation.statements.intake import file_digest
from reconciliation.statements.kept_files import (
    LookedAtFile,
    get_kept_file,
)
from reconciliation.statements.layout_versions import list_versions
from reconciliation.statements.looking import look
from reconciliation.statements.preview_schemas import PreviewOut
from reconciliation.statements.saved_layouts import find_layout
from reconciliation.statements.takings import taking_turn
from reconciliation.statements.uploads import (
    UploadedStatement,
    own_account,
    today,
)


@dataclass(frozen=True, slots=True)
class LoadPlaces:
    """Whose a file may be: the accounts, and the accounts at gateways, of whoever asks."""

    accounts: list[CollectionAccountValue]
    gateways: tuple[GatewayEntry, ...]


async def view_places(session: ReadSession, who: Principal) -> LoadPlaces:
    """What somebody may load files for."""
    page = await list_gateways(session, who.agency_ids, limit=200)
    accounts = await list_collection_accounts(session, who.agency_ids)
    return LoadPlaces(accounts, page.items)


@dataclass(frozen=True, slots=True)
class StatementLook:
    """What a statement's file would say, by which mapping, and the mappings to choose from."""

    file: LookedAtFile
    told: PreviewOut
    mapping: str
    mappings: list[tuple[str, LocalizedText]]
    columns: list[str]
    choices: ColumnChoices
    layout: str

    @property
    def title(self) -> LocalizedText:
        """What the mapping is called."""
        named = LocalizedText(self.mapping, self.mapping)
        return dict(self.mappings).get(self.mapping, named)

    @property
    def may_be_taken(self) -> bool:
        """Whether it can be taken in as it was read: by a mapping that somebody has named."""
        return not self.told.faults and bool(self.mapping) and self.told.rows > 0


@dataclass(frozen=True, slots=True)
class MovedSettlement:
    """A file that was taken in for one account, by its code; its gateway pays into another now."""

    taken_at: datetime
    account: str
    now: str


@dataclass(frozen=True, slots=True)
class SettlementLook:
    """What a settlement file would say; with `faults` nothing of it would be taken in.

    `like` is another gateway's layout that has its columns, where none that it may have reads it.
    `moved` is a file that was taken in before the gateway was set to pay into another account.
    """

    file: LookedAtFile
    mapping: str
    layouts: list[SettlementLayout]
    read: PreparedSettlement | None
    faults: Sequence[FieldError]
    like: SettlementLayout | None
    moved: MovedSettlement | None

    @property
    def layout(self) -> SettlementLayout | None:
        """The layout that is named, or that was found to read it."""
        return next((one for one in self.layouts if one.code == self.mapping), None)


async def uploaded_again(
    session: ReadSession,
    who: Principal,
    file: LookedAtFile,
    content: bytes,
    mapping: str,
    encoding: str | None,
) -> UploadedStatement:
    """A kept file as if it had just been sent. Raises `NotFound`, `UnknownEncoding`."""
    check_encoding(encoding)
    account = await own_account(session, who, str(file.account))
    return UploadedStatement(
        account=account,
        mapping=mapping,
        name=file.file_name,
        digest=file_digest(content),
        file=UploadFile(io.BytesIO(content), size=len(content), filename=file.file_name),
        encoding=encoding,
        layout=await find_layout(session, account.agency_id, mapping, today()),
    )


async def view_statement(
    database: Database,
    parts: ReconciliationContext,
    who: Principal,
    file: LookedAtFile,
    content: bytes,
    *,
    mapping: str = "",
    encoding: str | None = None,
    choices: ColumnChoices | None = None,
) -> StatementLook:
    """What a statement's file would say by a mapping, by what was chosen, or by a proposal."""
    async with database.reading() as session:
        uploaded = await uploaded_again(session, who, file, content, mapping, encoding)
        saved = await list_versions(session, "statement", uploaded.account.agency_id)
    valid = [one for one in list_mappings() if one.is_valid(today())]
    known = {one.code: LocalizedText(one.title, one.title_en) for one in valid}
    # Standards, and names that a body has given, are called so in any language.
    alike = {one.code: one.title for one in FORMATS if one.is_named}
    alike |= {one.name: one.name for one in saved}
    known |= {code: LocalizedText(title, title) for code, title in alike.items()}
    told = await looked_into(database, parts, uploaded, content, "")
    layout = "" if choices is None else choices.layout(told.delimiter, told.layout)
    if layout:
        try:
            told = await looked_into(database, parts, uploaded, content, layout)
        except Invalid as refused:
            told = told.model_copy(update={"faults": _told(refused), "lines": [], "rows": 0})
    header = told.header_row
    if choices is not None and choices.header.isdecimal():
        header = int(choices.header)
    rows = [(one.row, one.cells) for one in told.raw_rows]
    if header is None:
        # Nobody knows the heading: the first row that has several cells may be it.
        header = next((number for number, cells in rows if len(cells) > 1), None)
    if choices is None:
        layout_found = told.layout
        choices = (
            ColumnChoices(header="" if header is None else str(header))
            if layout_found is None
            else ColumnChoices.of_layout(layout_found, header)
        )
    # A mapping of ours that fits is named to whoever looks; a proposal is nobody's word yet.
    found = "" if layout or told.mapping == PROPOSED else told.mapping
    named = mapping or found or _named(told.format)
    return StatementLook(
        file=file,
        told=told,
        mapping=named,
        mappings=sorted(known.items(), key=lambda one: one[0]),
        columns=columns_of(rows, header),
        choices=choices,
        layout=layout,
    )


def _named(code: str) -> str:
    return next((one.code for one in FORMATS if one.is_named and one.code == code), "")


def _told(refused: LephiError) -> list[RefusalError]:
    return [RefusalError(field=e.field, code=e.code, detail=e.detail) for e in refused.errors]


async def looked_into(
    database: Database,
    parts: ReconciliationContext,
    uploaded: UploadedStatement,
    content: bytes,
    layout: str,
) -> PreviewOut:
    """What a file would say by its mapping, or by a layout in JSON. Raises `BadLayout`."""
    task = ReadingTask(
        mapping="" if layout else uploaded.mapping,
        on=today(),
        account_number=uploaded.account.account_number,
        encoding=uploaded.encoding,
        layout=None if layout else uploaded.layout,
    )
    async with taking_turn(database, uploaded.taking(new_id("stmt"))):
        shown: PreviewOut = await parts.elsewhere(look, content, task, layout)
    return shown


async def view_settlement(
    database: Database,
    parts: ReconciliationContext,
    gateways: GatewayDirectory,
    who: Principal,
    ours: Sequence[SettlementLayout],
    file: LookedAtFile,
    content: bytes,
    mapping: str,
    encoding: str | None,
) -> SettlementLook:
    """What a settlement file would say by a layout, or by the first that reads it.

    The layouts that the gateway's body has saved come before ours: they were made for such files.
    Those of other gateways read it only where they are named.
    """
    check_encoding(encoding)
    async with database.reading() as session:
        gateway = await get_gateway_name(session, str(file.gateway), who.agency_ids)
        valid = await list_settlement_layouts(session, ours, gateway.agency_id, today())
        moved = await _find_moved(session, gateway, file_digest(content))
    house = {one.code for one in ours}
    owners = {one.code: _owner(one, gateways) for one in valid if one.code in house}
    others = [one for one in valid if owners.get(one.code) not in (None, gateway.gateway)]
    likely = [one for one in valid if one not in others]
    # The gateway's own before those of none.
    likely.sort(key=lambda one: one.code in owners and owners[one.code] is None)
    if mapping:
        likely, others = [one for one in valid if one.code == mapping], []
    found: RecognizedSettlement = await parts.elsewhere(
        recognize_settlement, content, likely, others, today(), encoding
    )
    return SettlementLook(
        file=file,
        mapping=mapping if found.read is None else found.read.mapping,
        layouts=valid,
        read=found.read,
        faults=found.faults,
        like=next((one for one in others if one.code == found.looks_like), None),
        moved=moved,
    )


async def _find_moved(
    session: ReadSession, gateway: GatewayName, digest: str
) -> MovedSettlement | None:
    taken = await find_taken(session, gateway.id, digest)
    if taken is None or taken.collection_account_id == gateway.collection_account_id:
        return None
    account = await get_collection_account(session, taken.collection_account_id)
    now = await get_collection_account(session, gateway.collection_account_id)
    return MovedSettlement(taken.created_at, account.code, now.code)


def _owner(layout: SettlementLayout, gateways: GatewayDirectory) -> str | None:
    """Whose layout one of ours is, by the gateway's name, with which its code begins."""
    named = layout.code.partition("-")[0]
    return None if gateways.find_info(named) is None else named


async def kept_for(deed: StaffDeed, file_id: str) -> tuple[LookedAtFile, bytes]:
    """A file of whoever asks, with its content. Raises `NotAllowed` and `NotFound`."""
    deed.by.require(Action.TAKE_STATEMENT)
    async with deed.database.reading() as session:
        return await get_kept_file(session, deed.context.cipher, deed.who.session.staff_id, file_id)
