"""Reading an error as the contract has it: problem+json of one exact shape."""

import re
from typing import Any

import httpx2

_CODE = re.compile(r"[a-z][a-z0-9_]*")
_MEMBERS = {"type", "title", "status", "detail", "code", "errors", "retryable", "trace_id"}


def problem(
    answer: httpx2.Response, status: int, code: str | None = None, field: str | None = None
) -> dict[str, Any]:
    """The problem that an answer is; fails unless it has the status, code and field expected."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert set(found) == _MEMBERS
    assert found["status"] == status
    assert found["type"] == f"urn:problem-type:lephi:{found['code']}"
    assert isinstance(found["retryable"], bool)
    assert all(isinstance(found[name], str) and found[name] for name in ("title", "detail"))
    assert len(found["trace_id"]) == 32
    assert found["trace_id"] == answer.headers["trace-id"]
    for error in found["errors"]:
        assert set(error) == {"field", "code", "detail"}
        assert all(isinstance(value, str) and value for value in error.values())
        # A word for programs, and no sentence for people in its place.
        assert _CODE.fullmatch(error["code"]), error
    if code is not None:
        assert found["code"] == code, found
    if field is not None:
        fields = [error["field"] for error in found["errors"]]
        assert any(one == field or one.startswith(f"{field}.") for one in fields), fields
    return found


def without_trace(answer: httpx2.Response) -> bytes:
    """The body with its trace id blotted out: what two refusals have in common, byte for byte."""
    trace = answer.headers["trace-id"].encode()
    assert answer.content.count(trace) == 1
    return answer.content.replace(trace, b"-")
