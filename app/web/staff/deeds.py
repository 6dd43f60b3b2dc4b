"""What somebody sends from a staff page: once for each form shown, and whole or not at all.

A form carries a name of its own (`once`). Pressed twice, it is done once, and the second press
leads where the first did. Who sends it is looked at in a transaction of its own, which is over
before anything is done: what is done may take several, and what is refused leaves nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from fastapi import Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from app.web.staff.doors import FORM_TOKEN, SignedIn, signed_in, visit
from app.web.texts import noted
from core.crypto import new_token
from core.db import Database
from core.errors import Conflict, FieldError, Invalid, LephiError
from core.idempotency import Claim, InFlight, KeyReused, begin_or_replay, finish, forget
from core.ids import new_id
from core.sessions import WriteSession
from core.unseen import unseen_faults
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.context import Context

#: The field by which a form is known again.
ONCE: Final = "once"
#: What a page shows again with what is wrong; whatever else is raised has a page of its own.
REFUSALS: Final = (Conflict, Invalid)
_SENT_BEFORE: Final = noted(
    "Biểu mẫu này đã được gửi một lần với nội dung khác; hãy xem lại rồi gửi lại."
)
_UNDER_WAY: Final = noted("Lần bấm trước còn đang được thực hiện; hãy chờ rồi mở lại trang này.")
_UNREAD: Final = noted("Có ô chưa điền đúng.")
_LACKS: Final = noted("Hãy điền ô này.")
_UNFIT: Final = noted("Ô này không dùng được như vậy.")

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StaffDeed:
    """A form that somebody signed in has sent from one of our pages."""

    request: Request
    who: SignedIn
    form: FormData
    database: Database
    context: Context

    @property
    def by(self) -> Principal:
        """Who sends it."""
        return self.who.principal

    def typed(self, name: str) -> str:
        """The text of a field, trimmed; empty where nothing was sent."""
        value = self.form.get(name)
        return value.strip() if isinstance(value, str) else ""

    def typed_in(self, names: Iterable[str], prefix: str = "") -> dict[str, str]:
        """The text of each field, trimmed; empty where nothing was sent."""
        return {name: self.typed(f"{prefix}{name}") for name in names}

    def chosen(self, name: str) -> list[str]:
        """What was ticked of several boxes of one name."""
        return [one for one in self.form.getlist(name) if isinstance(one, str)]

    def file(self, name: str) -> UploadFile | None:
        """The file of a field; None where none was chosen."""
        sent = self.form.get(name)
        if isinstance(sent, str) or sent is None or not sent.filename:
            return None
        return UploadFile(sent.file, size=sent.size, filename=sent.filename, headers=sent.headers)

    async def once(self, work: Callable[[WriteSession], Awaitable[str]]) -> Response:
        """Do `work` in one transaction and lead to the address that it gives."""
        return RedirectResponse(await self.told_once(work), 303)

    async def told_once(self, work: Callable[[WriteSession], Awaitable[str]]) -> str:
        """Do `work` in one transaction; what it tells, the first time and when pressed again.

        What is told is kept encrypted as long as answers of the API are: it may be a secret.
        """
        claim, cipher = self._claim(), self.context.cipher

        async def do(session: WriteSession) -> str:
            replay = await begin_or_replay(session, claim, new_id("made"), cipher)
            if replay is not None:
                return (replay.body or b"").decode()
            told = await work(session)
            await finish(session, claim, 303, told.encode(), cipher)
            return told

        return await _patiently(lambda: self.database.run(do))

    async def once_in_several(self, work: Callable[[], Awaitable[str]]) -> Response:
        """The same for work that has transactions of its own, and may be done again if it fails."""
        claim, cipher = self._claim(), self.context.cipher

        async def begin(session: WriteSession) -> bytes | None:
            replay = await begin_or_replay(session, claim, new_id("made"), cipher)
            return None if replay is None else replay.body

        known = await _patiently(lambda: self.database.run(begin))
        if known is not None:
            return RedirectResponse(known.decode(), 303)
        try:
            address = await work()
        except BaseException:
            await self.database.run(lambda session: forget(session, claim))
            raise
        await self.database.run(
            lambda session: finish(session, claim, 303, address.encode(), cipher)
        )
        return RedirectResponse(address, 303)

    def _claim(self) -> Claim:
        told = [
            [name, value if isinstance(value, str) else value.filename or ""]
            for name, value in self.form.multi_items()
            if name not in (ONCE, FORM_TOKEN)
        ]
        route = f"POST {self.request.url.path}"
        once = self.typed(ONCE)[:64] or new_id("click")
        return Claim.of(self.by.owner, route, once, told, self.context.request_key)


class FormSentBefore(Conflict):
    """This form was sent before with something else in it: look at what is shown, send it anew."""

    code = "form_sent_before"


async def _patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """What is done once. The second of two presses waits a little for the first."""
    pauses = iter((0.2, 0.8, 2.0))
    while True:
        try:
            return await attempt()
        except KeyReused as error:
            raise FormSentBefore(_SENT_BEFORE) from error
        except InFlight as error:
            if (pause := next(pauses, None)) is None:
                raise FormSentBefore(_UNDER_WAY) from error
            await asyncio.sleep(pause)


@asynccontextmanager
async def deed_of(
    request: Request, database: Database, context: Context, action: Action
) -> AsyncIterator[StaffDeed]:
    """What was sent by somebody who may do `action`. Raises `SignInNeeded` and `NotAllowed`.

    Of whom it is refused nothing is written, not even that their session is being used.
    """
    try:
        async with database.transaction() as session:
            at = await visit(request, session, context)
            who = await signed_in(request, at, session, context)
            who.principal.require(action)
        yield StaffDeed(request, who, await request.form(), database, context)
    finally:
        # A form that may hold a file keeps it open until then.
        await request.close()


def read_typed(model: type[M], typed: Mapping[str, object]) -> M:
    """What was typed as the API's own schema reads it, empty fields left out.

    Raises `Invalid` naming each field that is lacking or cannot be taken, or that has a character
    which nobody sees (`core.unseen`).
    """
    if unseen := list(unseen_faults(dict(typed))):
        raise Invalid(_UNREAD, errors=unseen)
    try:
        return model.model_validate({name: value for name, value in typed.items() if value != ""})
    except ValidationError as error:
        faults = [
            FieldError(
                _field(one["loc"]),
                one["type"],
                _LACKS if one["type"] == "missing" or not one["loc"] else _UNFIT,
            )
            for one in error.errors()
        ]
        raise Invalid(_UNREAD, errors=faults) from error


def _field(place: tuple[int | str, ...]) -> str:
    """The field of a form that a fault is about: bills are named in one field, however many."""
    name = str(place[0]) if place else "bill"
    return "bill" if name == "bills" else name


def new_once() -> str:
    """The name of a form that is about to be shown."""
    return new_token(bits=80)


def faults_by_field(fault: LephiError | None) -> dict[str, str]:
    """What is wrong with each field of a form; of several references, with the field they share."""
    told = [] if fault is None else fault.errors
    return {"bill" if one.field.startswith("bill") else one.field: one.detail for one in told}
