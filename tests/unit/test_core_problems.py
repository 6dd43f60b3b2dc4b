import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, Request
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Message, Scope

from core import errors, log, problems
from core.bodies import read_raw
from core.money import Amount
from core.problems import MAX_ERRORS, TraceMiddleware, invalid_from, trace_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MEMBERS = {"type", "title", "status", "detail", "code", "errors", "retryable", "trace_id"}


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    fee: str
    amount: Amount


class Bill(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lines: list[Line]


@pytest.fixture(autouse=True)
def _every_line_is_written() -> None:
    # A test before this one may have left another level behind.
    log.configure("info")


def make_app() -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.get("/raise/{name}")
    async def _(name: str) -> None:
        raise getattr(errors, name)("Không có biên lai này.")

    @app.get("/fields")
    async def _() -> None:
        raise errors.Invalid("sai", errors=[errors.FieldError("lines.0.\ud800", "bad", "x\udfff")])

    @app.get("/bug")
    async def _() -> None:
        raise RuntimeError("canary 0912345678")

    @app.get("/http/{status}")
    async def _(status: int) -> None:
        raise HTTPException(status, headers={"Retry-After": "7"})

    @app.get("/stream")
    async def _() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            raise RuntimeError("canary in a stream")

        return StreamingResponse(chunks())

    async def failing_commit() -> AsyncIterator[None]:
        yield
        raise errors.Unavailable("bận")

    @app.get("/commit")
    async def _(_: Annotated[None, Depends(failing_commit, scope="function")]) -> str:
        return "done"

    @app.post("/bills")
    async def _(bill: Bill, idempotency_key: Annotated[str, Header()], page: int) -> str:
        return "done"

    return app


Output = pytest.CaptureFixture[str]


def logged(capsys: Output) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


class Answer:
    """What an application sent back to one request."""

    def __init__(self, messages: list[Message]) -> None:
        start = messages[0]
        self.status: int = start["status"]
        self.headers = {name.decode(): value.decode() for name, value in start["headers"]}
        self.content = b"".join(message["body"] for message in messages[1:])

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        body: dict[str, Any] = json.loads(self.content)
        assert body.keys() == MEMBERS
        assert body["status"] == self.status
        assert body["type"] == f"urn:problem-type:lephi:{body['code']}"
        assert body["trace_id"] == self.headers["trace-id"]
        return body


async def send(
    path: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    app: FastAPI | None = None,
    sent: list[Message] | None = None,
) -> Answer:
    """One request to `app`; its answer's messages are also in `sent`, whatever it raises."""
    messages: list[Message] = [] if sent is None else sent
    requests = [body]

    async def receive() -> Message:
        if not requests:
            await asyncio.Event().wait()  # the client neither sends more nor goes away
        return {"type": "http.request", "body": requests.pop(), "more_body": False}

    async def collect(message: Message) -> None:
        messages.append(message)

    await (app or make_app())(scope_of(path, method, headers), receive, collect)
    return Answer(messages)


def scope_of(path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in (headers or {}).items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


EXPECTED = [
    one
    for one in vars(errors).values()
    if isinstance(one, type) and issubclass(one, errors.LephiError)
]


@pytest.mark.parametrize("kind", EXPECTED)
async def test_every_expected_failure_is_answered_as_what_it_is(
    kind: type[errors.LephiError], capsys: Output
) -> None:
    answer = await send(f"/raise/{kind.__name__}")
    assert answer.status == kind.status
    problem = answer.problem
    assert problem["code"] == kind.code
    assert problem["title"] == kind.title
    assert problem["retryable"] is kind.retryable
    assert problem["detail"] == "Không có biên lai này."
    assert problem["errors"] == []
    assert [line["code"] for line in logged(capsys)] == [kind.code] * (
        kind.status >= 500 or kind.status in (401, 403)
    )


async def test_who_is_not_authenticated_is_told_how() -> None:
    answer = await send("/raise/Unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_faults_of_fields_are_listed_even_if_their_names_are_not_text() -> None:
    problem = (await send("/fields")).problem
    assert problem["errors"] == [{"field": "lines.0.?", "code": "bad", "detail": "x?"}]


async def test_an_unexpected_error_is_logged_and_says_nothing(capsys: Output) -> None:
    answer = await send("/bug", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert answer.status == 500
    assert answer.problem["code"] == "unexpected"
    assert answer.problem["trace_id"] == TRACE
    assert b"canary" not in answer.content
    assert b"Traceback" not in answer.content
    assert b"RuntimeError" not in answer.content
    (line,) = logged(capsys)
    assert line["trace_id"] == TRACE
    assert line["path"] == "/bug"
    assert "RuntimeError: canary [phone]" in line["exception"]


async def test_an_answer_that_breaks_off_is_not_ended_as_if_it_were_whole(
    capsys: Output,
) -> None:
    with pytest.raises(RuntimeError, match="canary in a stream"):
        await send("/stream")
    assert [line["event"] for line in logged(capsys)] == ["unexpected error"]


async def test_a_caller_that_goes_away_meanwhile_is_no_fault_of_ours(capsys: Output) -> None:
    app = make_app()

    @app.post("/read")
    async def _(request: Request) -> str:
        return (await read_raw(request)).decode()

    async def gone() -> Message:
        return {"type": "http.disconnect"}

    messages: list[Message] = []

    async def collect(message: Message) -> None:
        messages.append(message)

    await app(scope_of("/read", "POST", None), gone, collect)
    assert Answer(messages).status == 400
    assert [line["level"] for line in logged(capsys)] in ([], ["info"])


async def test_an_error_in_an_outer_layer_is_a_problem_too_and_says_nothing() -> None:
    class Failing:
        def __init__(self, _: Any) -> None: ...

        async def __call__(self, *_: Any) -> None:
            raise RuntimeError("canary")

    app = make_app()
    app.add_middleware(Failing)
    sent: list[Message] = []
    with pytest.raises(RuntimeError, match="canary"):  # for the server to log
        await send("/bug", app=app, sent=sent)
    answer = Answer(sent)
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.content)["code"] == "unexpected"
    assert b"canary" not in answer.content


async def test_a_commit_that_fails_after_the_route_is_an_error_not_an_answer() -> None:
    answer = await send("/commit")
    assert answer.status == 503
    assert answer.problem["retryable"] is True


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/nowhere", "GET", 404, "not_found"),
        ("/bills", "DELETE", 405, "method_not_allowed"),
        ("/http/415", "GET", 415, "unsupported_media_type"),
        ("/http/418", "GET", 418, "i_m_a_teapot"),
        ("/http/503", "GET", 503, "service_unavailable"),
    ],
)
async def test_errors_of_the_framework_are_problems_too(
    path: str, method: str, status: int, code: str
) -> None:
    answer = await send(path, method=method)
    assert answer.status == status
    assert answer.problem["code"] == code
    assert answer.problem["retryable"] is (status == 503)


async def test_headers_of_the_framework_are_kept() -> None:
    assert (await send("/http/503")).headers["retry-after"] == "7"
    assert (await send("/bills", method="DELETE")).headers["allow"] == "POST"


async def test_an_answer_without_a_body_stays_without() -> None:
    answer = await send("/http/304")
    assert answer.status == 304
    assert answer.content == b""


async def test_invalid_input_names_every_field_and_echoes_nothing() -> None:
    sent = {"lines": [{"amount": "canary", "extra": "canary"}, {"fee": "x", "amount": 1000.0}]}
    headers = {"Content-Type": "application/json"}
    answer = await send("/bills", method="POST", body=json.dumps(sent).encode(), headers=headers)
    assert answer.status == 422
    assert answer.problem["code"] == "invalid"
    assert {(one["field"], one["code"]) for one in answer.problem["errors"]} == {
        ("idempotency-key", "missing"),
        ("page", "missing"),
        ("lines.0.fee", "missing"),
        ("lines.0.amount", "int_type"),
        ("lines.0.extra", "extra_forbidden"),
        ("lines.1.amount", "int_type"),
    }
    assert b"canary" not in answer.content


def test_faults_of_pydantic_become_invalid() -> None:
    with pytest.raises(ValidationError) as caught:
        Bill.model_validate({"lines": [{"fee": "x", "amount": 0}]})
    invalid = invalid_from(caught.value.errors())
    assert [(one.field, one.code) for one in invalid.errors] == [
        ("lines.0.amount", "greater_than_equal")
    ]
    assert "1 fault;" in invalid.detail


def test_a_fault_of_the_whole_body_is_named_body() -> None:
    for location in ((), ("body",)):
        fault = {"loc": location, "type": "missing", "msg": "Field required"}
        assert invalid_from([fault]).errors[0].field == "body"


def test_a_thousand_faults_are_not_all_listed() -> None:
    faults = [{"loc": ("body", "x" * 10_000), "type": "extra_forbidden", "msg": "no"}] * 1_000
    invalid = invalid_from(faults)
    assert len(invalid.errors) == MAX_ERRORS
    assert len(invalid.errors[0].field) == 200
    assert "1000 faults" in invalid.detail


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
        f'00-{TRACE}-00f067aa0ba902b7-01"\r\n',
    ],
)
def test_a_trace_id_that_is_not_one_is_replaced(header: str) -> None:
    trace_id = trace_id_of(scope_of("/", headers={"traceparent": header}))
    assert len(trace_id) == 32
    assert int(trace_id, 16) > 0
    assert trace_id != TRACE


def test_a_request_has_one_trace_id_and_two_have_two() -> None:
    first, second = scope_of("/"), scope_of("/")
    assert trace_id_of(first) == trace_id_of(first)
    assert trace_id_of(first) != trace_id_of(second)


async def test_every_log_line_of_a_request_bears_its_trace_id(capsys: Output) -> None:
    async def application(scope: Scope, receive: Any, send: Any) -> None:
        log.get("test").info("inside")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sent: list[Message] = []

    async def collect(message: Message) -> None:
        sent.append(message)

    scope = scope_of("/")
    await TraceMiddleware(application)(scope, None, collect)  # type: ignore[arg-type]  # unused
    log.get("test").info("outside")
    inside, outside = logged(capsys)
    assert inside["trace_id"] == trace_id_of(scope) == Answer(sent).headers["trace-id"]
    assert "trace_id" not in outside


async def test_what_is_no_request_passes_untouched() -> None:
    seen: list[Scope] = []

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        seen.append(scope)

    await TraceMiddleware(application)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]  # unused
    assert seen == [{"type": "lifespan"}]
