"""Receivers of webhooks, as routes are asked about them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.ids import new_id

if TYPE_CHECKING:
    from tests.support.every_route import Things


PATH = "/api/v1/webhook-endpoints"
#: A body may have twenty.
MANY = 10


async def receiver(things: "Things") -> Mapping[str, Any]:
    """A receiver on the open internet, of an address that needs no name."""
    agency = things.system.body.agency_code
    return {"json": {"url": f"https://1.1.1.1/{new_id('x')}", "agency": agency}}


async def one_receiver(things: "Things") -> str:
    """A receiver of the system's own body; of many the oldest makes room."""
    browser, admin = things.system.browser, things.client("admin")
    known = (await browser.get(PATH, headers=admin)).json()["items"]
    if len(known) >= MANY:
        await browser.delete(f"{PATH}/{known[0]['id']}", headers=admin)
    headers = admin | {"Idempotency-Key": new_id("k")}
    answer = await browser.post(PATH, headers=headers, **await receiver(things))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def some_number(_: "Things") -> Mapping[str, Any]:
    """A message to be sent again."""
    return {"json": {"from_sequence": 1}}


async def last_number(_: "Things") -> Mapping[str, Any]:
    """The number up to which all is taken."""
    return {"json": {"through_sequence": 1}}
