"""Bodies and their units: made, changed, put below another, and what they take money for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.histories import read_history
from app.web.staff.keeping_forms import Administered, Administrator, OwnCode, given_of, led_to
from app.web.staff.keeping_lists import MOST_ROWS, AskedListDep, answer_list
from app.web.staff.tables import TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core import clock
from core.bodies import validated
from core.db import SessionDep
from core.errors import FieldError, Invalid, LephiError
from core.sessions import ReadSession, WriteSession
from payments.administration.answers import Door, DoorDep
from payments.administration.bodies import changed_agency, new_agency
from payments.administration.within import own_agency_id
from payments.agencies.listing import AgencyEntry, list_agencies
from payments.agencies.offers import Offering, named
from payments.agencies.schemas import AgencyChangeIn, AgencyIn
from payments.catalogue.queries import list_procedures
from payments.catalogue.rules.wording import LocalizedText

router = APIRouter(include_in_schema=False)

BODIES: Final = "/staff/settings/bodies"
#: Facts of a body that stand on its papers.
_CHANGED: Final = ("name", "name_en", "tax_code", "address", "phone")
_FIELDS: Final = ("code", *_CHANGED, "parent", "reason")
_NO_CHANGE: Final = noted("Chưa có gì khác với hiện tại.")
#: How many procedures are shown with their names.
_NAMED: Final = 100
_NO_PROCEDURE: Final = "không có thủ tục này"
_SEVERAL: Final = "mã này chỉ nhiều thủ tục, hãy ghi mã riêng"
_COLUMNS: Final = (
    TableColumn("code", noted("Mã"), "code"),
    TableColumn("name", noted("Tên")),
    TableColumn("parent", noted("Cấp trên"), "code"),
    TableColumn("tax_code", noted("Mã số thuế"), "code"),
    TableColumn("phone", noted("Điện thoại")),
    TableColumn("created_at", noted("Lập lúc"), "moment"),
)


@router.get(BODIES)
async def list_bodies(
    request: Request, who: Administrator, session: SessionDep, asked: AskedListDep
) -> Response:
    """The own body and its units."""
    page = await list_agencies(session, who.principal.agency_ids, limit=MOST_ROWS)
    rows = [
        TableRow(
            one.id,
            (
                one.code,
                LocalizedText(one.name, one.name_en),
                one.parent,
                one.tax_code,
                one.phone,
                one.created_at,
            ),
            f"{BODIES}/{one.code}",
        )
        for one in page.items
    ]
    return answer_list(
        request,
        who,
        asked,
        address=BODIES,
        title=noted("Cơ quan, đơn vị"),
        columns=_COLUMNS,
        rows=rows,
        new=(f"{BODIES}/new", noted("Lập đơn vị")),
    )


@router.get(f"{BODIES}/new")
async def new_body_page(
    request: Request, who: Administrator, session: SessionDep, door: DoorDep
) -> Response:
    """The form for a new unit."""
    return await _new_body(request, session, who, door.administration.two_people)


@router.post(BODIES)
async def make_body(deed: Administered, door: DoorDep) -> Response:
    """Make a unit below the own body, or ask for it."""
    typed = deed.typed_in(_FIELDS)

    async def work(session: WriteSession) -> str:
        wanted = validated(AgencyIn, given_of(typed))
        await own_agency_id(session, deed.by, wanted.parent or "")
        making = new_agency(wanted.model_dump(exclude={"reason"}))
        waits = await door.carry(session, making, deed.by, wanted.reason)
        return led_to(f"{BODIES}/{wanted.code}", waits)

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        faults = faults_of(refused, _FIELDS)
        two_people = door.administration.two_people
        async with deed.database.reading() as session:
            return await _new_body(deed.request, session, deed.who, two_people, typed, faults)


@router.get(f"{BODIES}/{{code}}")
async def body_page(
    request: Request, code: OwnCode, who: Administrator, session: SessionDep, door: DoorDep
) -> Response:
    """A body as it is, with the forms for what may change."""
    entry = await _body(session, who, code)
    return await _body_page(
        request, session, who, entry, _BodyForms(door.administration.two_people)
    )


@router.post(f"{BODIES}/{{code}}/change")
async def change_body(code: OwnCode, deed: Administered, door: DoorDep) -> Response:
    """Change facts of a body; what stays as it was is no change."""
    typed = deed.typed_in((*_CHANGED, "reason"))

    async def changes(session: ReadSession, entry: AgencyEntry) -> Mapping[str, Any]:
        wanted = validated(AgencyChangeIn, given_of(typed))
        said = wanted.model_dump(exclude_none=True, exclude={"reason"})
        return {name: now for name, now in said.items() if getattr(entry, name) != now}

    try:
        return await _changed(deed, door, code, changes)
    except REFUSALS as refused:
        faults = faults_of(refused, (*_CHANGED, "reason"))
        return await _refused(deed, door, code, typed=typed, faults=faults)


@router.post(f"{BODIES}/{{code}}/offers")
async def change_offers(code: OwnCode, deed: Administered, door: DoorDep) -> Response:
    """Say what a body takes money for: everything, what its parent does, or its own choice."""
    typed = deed.typed_in(("offers", "codes", "reason"))
    codes = list(dict.fromkeys(typed["codes"].replace(",", " ").split()))

    async def changes(session: ReadSession, entry: AgencyEntry) -> Mapping[str, Any]:
        own = typed["offers"] == Offering.OWN
        given = {"offers": codes if own else typed["offers"], "reason": typed["reason"] or None}
        offers = validated(AgencyChangeIn, given).offers
        now = named(entry.offers, entry.codes)
        same = sorted(now) == sorted(offers or ()) if own else now == offers
        return {} if same and (entry.offers == Offering.OWN) == own else {"offers": offers}

    try:
        return await _changed(deed, door, code, changes)
    except REFUSALS as refused:
        told = _offered_faults(refused, codes)
        return await _refused(deed, door, code, offered=typed, offers_faults=told)


@router.post(f"{BODIES}/{{code}}/parent")
async def move_body(code: OwnCode, deed: Administered, door: DoorDep) -> Response:
    """Put a unit below another body of the own ones; whose choice it offers may change with it."""
    typed = deed.typed_in(("parent", "reason"))

    async def changes(session: ReadSession, entry: AgencyEntry) -> Mapping[str, Any]:
        wanted = validated(AgencyChangeIn, given_of(typed))
        await own_agency_id(session, deed.by, wanted.parent or "")
        if entry.id == deed.by.agency_id:
            detail = "Cơ quan của chính mình chỉ do cấp trên hoặc người vận hành chuyển."
            raise Invalid(detail, errors=[FieldError("parent", "own", detail)])
        return {} if entry.parent == wanted.parent else {"parent": wanted.parent}

    try:
        return await _changed(deed, door, code, changes)
    except REFUSALS as refused:
        told = faults_of(refused, ("parent", "reason"))
        return await _refused(deed, door, code, moved=typed["parent"], parent_faults=told)


Changes = Callable[[ReadSession, AgencyEntry], Awaitable[Mapping[str, Any]]]


async def _changed(deed: StaffDeed, door: Door, code: str, changes: Changes) -> Response:
    """Change a body, or ask for it. Raises `Invalid` where nothing would be different."""

    async def work(session: WriteSession) -> str:
        entry = await _body(session, deed.who, code)
        wanted = await changes(session, entry)
        if not wanted:
            raise Invalid(_NO_CHANGE)
        changing = changed_agency(entry.id, wanted)
        waits = await door.carry(session, changing, deed.by, deed.typed("reason") or None)
        return led_to(f"{BODIES}/{entry.code}", waits)

    return await deed.once(work)


def _offered_faults(refused: LephiError, codes: Sequence[str]) -> FormFaults:
    """What is wrong with an offer: each procedure by its code, as it was typed."""
    told = []
    for fault in refused.errors:
        place = fault.field.rpartition(".")[2]
        if fault.field.startswith("offers.") and place.isdecimal() and int(place) < len(codes):
            why = _SEVERAL if fault.code == "ambiguous" else _NO_PROCEDURE
            told.append(f"{codes[int(place)]}: {why}")
    if told:
        return FormFaults({"codes": " · ".join(told)})
    return faults_of(refused, ("offers", "codes", "reason"))


async def _body(session: ReadSession, who: SignedIn, code: str) -> AgencyEntry:
    agency_id = await own_agency_id(session, who.principal, code)
    return (await list_agencies(session, None, only=agency_id)).items[0]


@dataclass(frozen=True, slots=True)
class _BodyForms:
    """What the forms of a body's page hold where somebody has typed, and what is wrong with it."""

    two_people: bool
    typed: Mapping[str, str] | None = None
    faults: FormFaults = NO_FAULTS
    offered: Mapping[str, str] | None = None
    offers_faults: FormFaults = NO_FAULTS
    moved: str = ""
    parent_faults: FormFaults = NO_FAULTS

    @property
    def found(self) -> bool:
        """Whether anything is wrong."""
        return any(one.found for one in (self.faults, self.offers_faults, self.parent_faults))


async def _refused(deed: StaffDeed, door: Door, code: str, **shown: Any) -> Response:
    """The page again, with what was typed and what is wrong with it."""
    async with deed.database.reading() as session:
        entry = await _body(session, deed.who, code)
        told = _BodyForms(door.administration.two_people, **shown)
        return await _body_page(deed.request, session, deed.who, entry, told)


async def _body_page(
    request: Request, session: ReadSession, who: SignedIn, entry: AgencyEntry, shown: _BodyForms
) -> Response:
    now = {name: str(getattr(entry, name)) for name in _CHANGED} | {"reason": ""}
    offered = {"offers": entry.offers, "codes": " ".join(entry.codes), "reason": ""}
    bodies = await list_agencies(session, who.principal.agency_ids, limit=MOST_ROWS)
    today = clock.business_date(clock.now())
    return render(
        request,
        "keep_body.html",
        422 if shown.found else 200,
        who=who,
        entry=entry,
        shown=shown,
        typed=shown.typed or now,
        faults=shown.faults,
        offered=shown.offered or offered,
        procedures=await list_procedures(session, entry.id, today, limit=_NAMED),
        bodies=[one for one in bodies.items if one.id != entry.id],
        may_move=entry.id != who.principal.agency_id,
        moved=shown.moved or entry.parent,
        two_people=shown.two_people,
        once=new_once(),
        history=await read_history(session, [entry.id]),
    )


async def _new_body(
    request: Request,
    session: ReadSession,
    who: SignedIn,
    two_people: bool,
    typed: dict[str, str] | None = None,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    bodies = await list_agencies(session, who.principal.agency_ids, limit=MOST_ROWS)
    return render(
        request,
        "keep_body_new.html",
        422 if faults.found else 200,
        who=who,
        bodies=bodies.items,
        typed=typed or dict.fromkeys(_FIELDS, ""),
        faults=faults,
        two_people=two_people,
        once=new_once(),
    )
