"""What some routes are asked with, beside those of `every_route`, which knows all of them."""

import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from core import clock
from core.clock import business_date
from core.ids import new_id
from reconciliation.formats.layouts import layout_json
from reconciliation.formats.mappings import get_mapping

if TYPE_CHECKING:
    from tests.support.every_route import Things


_DAYS = count(1)


async def revenue(_: "Things") -> str:
    """The report of what was collected, as a path has it."""
    return "revenue"


async def of_today(things: "Things") -> Mapping[str, Any]:
    """The body's figures of today."""
    day = business_date(clock.now()).isoformat()
    return {"params": {"from": day, "to": day, "agency": things.system.body.agency_code}}


async def of_the_account(things: "Things") -> Mapping[str, Any]:
    """A query that names the body's account."""
    return {"params": {"account": things.system.body.collection_code}}


async def saved_layout(things: "Things") -> Mapping[str, Any]:
    """A layout that reads its sample."""
    now = clock.now()
    layout = layout_json(get_mapping("lephi-basic", business_date(now)))
    content = (
        "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
        f"L1,{now.isoformat(timespec='seconds')},1000,credit,,tien,{new_id('ref')}\n"
    )
    form = {"name": f"mau-{new_id('x')[-12:]}", "layout": json.dumps(layout)}
    return {
        "files": {"file": ("so-phu.csv", content.encode(), "text/csv")},
        "data": {"account": things.system.body.collection_code} | form,
    }


async def statement(things: "Things") -> Mapping[str, Any]:
    now = clock.now().isoformat(timespec="seconds")
    content = (
        "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
        f"L1,{now},1000,credit,,tien,{new_id('ref')}\n"
    )
    account = things.system.body.collection_code
    return {
        "files": {"file": ("so-phu.csv", content.encode(), "text/csv")},
        "data": {"account": account, "mapping": "lephi-basic"},
    }


async def forced_statement(things: "Things") -> Mapping[str, Any]:
    sent = await statement(things)
    return {**sent, "data": {**sent["data"], "reason": "thử"}}


async def day_rule(things: "Things") -> Mapping[str, Any]:
    return {"json": {"account": things.unruled, "valid_from": "2026-12-01", "reason": "thử"}}


async def night(things: "Things") -> Mapping[str, Any]:
    """A schedule of the body's account; each begins on a day of its own."""
    day = business_date(clock.now()) + timedelta(days=next(_DAYS))
    account = things.system.body.collection_code
    return {"json": {"account": account, "valid_from": day.isoformat(), "at": "17:30"}}


async def some_rate(_: "Things") -> Mapping[str, Any]:
    """A query of its own."""
    return {"params": {"rate_basis_points": "10"}}


async def table(_: "Things") -> Mapping[str, Any]:
    """A query of its own."""
    return {"params": {"format": "csv", "table": "fees"}}


async def reconciliation(things: "Things") -> Mapping[str, Any]:
    body, day = things.system.body, business_date(clock.now()).isoformat()
    return {"json": {"agency": body.agency_code, "account": body.collection_code, "date": day}}
