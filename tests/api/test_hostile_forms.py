"""Forms whose fields hold what no browser sends: refused or left alone, never a failure of ours."""

from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: A procedure with one fixed fee of 10,000 đ.
FIXED = "/p/ubnd-ben-mau/2.000884"
FIELDS = ("quantity", "copies", "value", "extra", "more", "channel", "seen", "once")

#: A multipart form may name its own charset; in this one a lone surrogate can be written.
SURROGATE = b"+2AA-"


def good() -> dict[str, str]:
    """What the page sends when the amount has been seen; each time another press."""
    usual = {"quantity": "1", "copies": "1", "value": "", "extra": "", "more": "1"}
    return usual | {"seen": "10000", "once": new_id("test")}


async def channels(system: System) -> list[str]:
    async with system.parts.database.transaction() as session:
        found = await session.execute(text("SELECT channel FROM bill ORDER BY created_at"))
        return [row.channel for row in found]


def multipart(fields: dict[str, bytes]) -> dict[str, Any]:
    """A form in a charset of its own."""
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields.items()
    ]
    kind = "multipart/form-data; boundary=b; charset=utf-7"
    return {"content": b"".join(parts) + b"--b--\r\n", "headers": {"Content-Type": kind}}


@pytest.mark.parametrize("sent", ["\x00", "poster", "x" * 20, "online", "counter", ""])
async def test_a_bill_keeps_only_a_channel_there_is(shared_system: System, sent: str) -> None:
    before = await channels(shared_system)
    form = good() | {"channel": sent}
    answer = await shared_system.browser.post(FIXED, data=form)
    assert answer.status_code == 303, answer.text
    added = (await channels(shared_system))[len(before) :]
    assert added == ["counter" if sent == "counter" else "online"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("sent", ["\x00", "a\x00b", "\ufffe", "9" * 100_000])
async def test_no_field_of_a_procedures_form_breaks_the_page(
    shared_system: System, field: str, sent: str
) -> None:
    form = good() | {field: sent}
    answer = await shared_system.browser.post(FIXED, data=form)
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("field", FIELDS)
async def test_a_lone_surrogate_in_a_procedures_form_is_no_failure(
    shared_system: System, field: str
) -> None:
    form = {name: value.encode() for name, value in good().items()}
    sent = multipart(form | {field: SURROGATE})
    answer = await shared_system.browser.post(FIXED, **sent)
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("field", ["gateway", "t", "once"])
@pytest.mark.parametrize("sent", [b"\x00", SURROGATE, b"9" * 100_000])
async def test_no_field_of_the_payment_form_breaks_it(
    shared_system: System, field: str, sent: bytes
) -> None:
    bill = await shared_system.create_bill()
    form = {"gateway": b"none", "t": b"x", "once": b"y"} | {field: sent}
    answer = await shared_system.browser.post(f"/b/{bill['reference']}/pay", **multipart(form))
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize("field", ["account", "mapping"])
@pytest.mark.parametrize("sent", [b"\x00", SURROGATE, b"9" * 100_000])
async def test_no_field_of_a_statements_form_breaks_it(
    shared_system: System, field: str, sent: bytes
) -> None:
    form = {"account": b"none", "mapping": b"mb", "file": b"x"} | {field: sent}
    request = multipart(form)
    request["content"] = request["content"].replace(b'name="file"', b'name="file"; filename="f"')
    request["headers"]["Idempotency-Key"] = f"hostile-{field}-{len(sent)}-{sent[:1]!r}"
    answer = await shared_system.office.post("/api/v1/statements", **request)
    # A field over the greatest length is refused before the form is read to its end.
    assert answer.status_code in (400, 404, 422), answer.text
