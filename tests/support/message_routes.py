"""The routes of messages and reminders with who may use them; parts of `every_route`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from core.ids import new_id
from payments.messages.commands import NewMessage, write_messages

if TYPE_CHECKING:
    from tests.support.every_route import Case, Things

_READERS = "finance chief admin auditor"


async def set_aside(things: "Things") -> str:
    """A message of the system's body that was set aside; its id."""
    system, once = things.system, new_id("once")
    new = NewMessage(system.body.agency_id, "receipt", once, new_id("rcpt"), new_id("bill"), "sms")
    async with system.parts.database.transaction() as session:
        await write_messages(session, [new])
        aside = text(
            "UPDATE payer_message SET state = 'set_aside', due_at = NULL WHERE once = :once"
            " RETURNING id"
        )
        return str((await session.execute(aside, {"once": once})).scalar_one())


async def schedule(_: "Things") -> Mapping[str, Any]:
    return {"json": {"reminder_days": [5, 12], "opens_itself": False}}


async def refused(_: "Things") -> Mapping[str, Any]:
    return {"json": {"wanted": False, "language": "en"}}


def message_cases(case: type["Case"], market: Any, vendor: Any, office: str) -> list["Case"]:
    """The cases of these routes; `market` and `vendor` make one of each."""
    return [
        case("GET /messages", _READERS, "", 200, 200),
        case("GET /message-channels", _READERS, "", 200, 200),
        case(
            "POST /messages/{message_id}/replays",
            *("finance chief admin", "", 200, 404),
            thing=set_aside,
        ),
        case("PATCH /markets/{market}", office, "", 200, 404, schedule, market),
        case("PATCH /vendors/{vendor_id}", office, "", 204, 404, refused, vendor),
    ]
