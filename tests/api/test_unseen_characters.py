"""No door takes a character that nobody sees: every text of every body, asked one by one."""

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from tests.support.every_route import CASES, Asked, Case, Things, keys_of
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Beside what `CASES` send: what else a body may say in words.
FURTHER: dict[str, dict[str, Any]] = {
    "POST /bills": {
        "payer": {
            "name": "Nguyễn An",
            "phone": "0901234567",
            "email": "an@example.vn",
            "identity_number": "001090123456",
            "address": "1 phố Thử",
            "tax_number": "0100109106",
        },
        "on_behalf_of": {"name": "Nguyễn Bình", "address": "2 phố Thử"},
        "delegate": {"name": "Bưu điện", "address": "3 phố Thử"},
        "dossier_number": "H26-1",
        "metadata": {"note": "ghi chú"},
        "relief": {"claims": ["merit"], "asset": "51F-123.45"},
    },
    "PATCH /webhook-endpoints/{endpoint_id}": {"url": "https://1.1.1.1/x"},
    "POST /day-rules": {"sweep_words": ["ket chuyen"], "sweep_accounts": ["123456789"]},
    "POST /users": {"password": "mat-khau-thu-nghiem", "reason": "thử"},
    "POST /gateway-accounts/{gateway_account_id}/change": {"reason": "thử"},
    "POST /refunds/{refund_id}/sent": {"bank_ref": "FT26001"},
    "POST /discrepancies/{discrepancy_id}/owner": {"owner": "an@example.vn"},
    "POST /agencies/{code}/change": {"name": "Đơn vị", "address": "1 đường Thử"},
}

#: Where a body says numbers alone.
WORDLESS = {
    "PATCH /markets/{market}",
    "POST /invoices/{invoice_id}/adjusting-invoices",
} | {
    f"POST /webhook-endpoints/{{endpoint_id}}/{deed}"
    for deed in ("secret", "replays", "acknowledgements")
}


def places(value: object, path: str = "") -> Iterator[str]:
    """The dotted path of every text in a JSON value."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from places(inner, f"{path}.{place}" if path else str(place))


def spoilt(value: Any, path: str, mark: str) -> Any:
    """The same value with `mark` in the middle of the text at `path`."""
    changed = copy.deepcopy(value)
    *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
    inner = changed
    for step in way:
        inner = inner[step]
    text = inner[last]
    inner[last] = text[:1] + mark + text[1:]
    return changed


async def ask(case: Case, things: Things, sent: Asked) -> httpx2.Response:
    async def body(_: Things) -> Asked:
        return sent

    who = (case.roles or case.scopes).split()[0]
    named = re.sub(r"\{\w+\}", "none-such", re.sub(r"^[^{]*|[^}]*$", "", case.route))
    asked = replace(case, body=body)
    return await asked.ask(things, things.secret(who), named=named or "none-such")


async def test_every_text_of_every_body_is_refused_by_name(shared_system: System) -> None:
    things = Things(shared_system, await keys_of(shared_system, shared_system.body.agency_id))
    taken: list[str] = []
    asked: set[str] = set()
    for case in CASES:
        sent = await case.body(things)
        if "json" not in sent:
            continue
        value = sent["json"] | FURTHER.get(case.route, {})
        for path in places(value):
            answer = await ask(case, things, {"json": spoilt(value, path, "\u202e")})
            asked.add(f"{case.route} {path}")
            told = answer.json()
            faults = [(one["field"], one["code"]) for one in told.get("errors", ())]
            if answer.status_code != 422 or faults != [(path, "unseen")]:
                taken.append(f"{case.route} {path}: {answer.status_code} {faults}")
            elif "U+202E" not in told["detail"] or "không nhìn thấy" not in told["detail"]:
                taken.append(f"{case.route} {path} is told: {told['detail']}")
    assert taken == []
    assert {"POST /bills payer.name", "POST /bills metadata.note", "POST /users email"} <= asked
    bodied = {case.route for case in CASES if "json" in await case.body(things)}
    assert bodied - WORDLESS == {one.rpartition(" ")[0] for one in asked}


async def test_a_reason_in_a_form_is_refused_too(shared_system: System) -> None:
    things = Things(shared_system, await keys_of(shared_system, shared_system.body.agency_id))
    case = next(one for one in CASES if one.route == "POST /statements/forced")
    sent = await case.body(things)
    data = sent["data"] | {"reason": "vì\u200bsao"}
    answer = await ask(case, things, {**sent, "data": data})
    assert answer.status_code == 422, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["field"] == "reason"
    assert "U+200B" in fault["detail"]
    assert "không nhìn thấy" in fault["detail"]


async def test_a_text_without_them_is_taken(shared_system: System) -> None:
    """A negative control: it is the character, and nothing else, for which they are refused."""
    made = await shared_system.create_bill(
        **{name: FURTHER["POST /bills"][name] for name in ("payer", "on_behalf_of", "metadata")}
    )
    assert made["status"] == "open"
