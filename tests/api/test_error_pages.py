"""What fails is a page for a person's browser and a problem for every program."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from app.web import failures
from core import errors, problems
from tests.support.markup import inline_code, tree_of, words_of

#: What browsers send when they open a page.
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROBLEM = "application/problem+json"


def make_app() -> FastAPI:
    app = FastAPI()
    problems.install(app)
    failures.install(app)

    @app.get("/raise/{name}")
    @app.get("/api/v1/raise/{name}")
    @app.get("/callbacks/raise/{name}")
    async def _(name: str) -> None:
        raise getattr(errors, name)("Không có <b>khoản</b> phải nộp này.")

    @app.get("/bug")
    async def _() -> None:
        raise RuntimeError("canary 0912345678")

    @app.get("/number/{number}")
    async def _(number: int) -> None:
        raise AssertionError(number)

    @app.get("/kept")
    async def _() -> None:
        raise HTTPException(503, headers={"Retry-After": "7"})

    @app.get("/fine")
    async def _() -> Response:
        return PlainTextResponse("fine")

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=make_app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nothing", 404, "Không tìm thấy trang này"),
        ("/raise/NotFound", 404, "Không tìm thấy trang này"),
        ("/raise/Conflict", 409, "Chưa thực hiện được lúc này"),
        ("/raise/NotAllowed", 403, "Không thực hiện được yêu cầu này"),
        ("/raise/RateLimited", 429, "Hãy chờ một phút rồi thử lại"),
        ("/raise/Unavailable", 503, "tiền đã nộp không bị mất"),
        ("/number/x", 422, "kiểm tra những gì đã nhập"),
        ("/bug", 500, "Nếu bạn vừa thanh toán, đừng thanh toán lại"),
    ],
)
async def test_a_browser_gets_a_page_that_says_what_to_do(
    client: httpx2.AsyncClient, path: str, status: int, said: str
) -> None:
    answer = await client.get(path, headers=BROWSER)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert said in words_of(answer.text)
    assert "Bạn nên làm gì" in words_of(answer.text)
    assert answer.headers["trace-id"] in words_of(answer.text)
    assert "Accept" in answer.headers["vary"]
    assert tree_of(answer.text).get("lang") == "vi"


async def test_a_sentence_written_for_the_citizen_is_shown_as_words(
    client: httpx2.AsyncClient,
) -> None:
    page = (await client.get("/raise/NotFound", headers=BROWSER)).text
    assert "Không có <b>khoản</b> phải nộp này." in words_of(page)
    assert inline_code(page) == []
    assert tree_of(page).xpath("//b") == []


@pytest.mark.parametrize("path", ["/bug", "/nothing", "/number/x", "/raise/Unavailable"])
async def test_what_says_nothing_to_a_citizen_is_left_out(
    client: httpx2.AsyncClient, path: str
) -> None:
    page = (await client.get(path, headers=BROWSER)).text
    for left_out in ("canary", "Not Found", "request has", "Something went wrong on our side. It"):
        assert left_out not in page
    assert tree_of(page).xpath("//p[@class='lead']") == []


@pytest.mark.parametrize("accept", ["*/*", "application/json", PROBLEM, ""])
@pytest.mark.parametrize("path", ["/nothing", "/raise/NotFound", "/bug"])
async def test_a_program_gets_the_problem(
    client: httpx2.AsyncClient, path: str, accept: str
) -> None:
    answer = await client.get(path, headers={"Accept": accept})
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["trace_id"] == answer.headers["trace-id"]


@pytest.mark.parametrize("path", ["/api/v1/raise/NotFound", "/callbacks/raise/NotFound", "/api/x"])
async def test_a_programs_path_answers_with_the_problem_whoever_asks(
    client: httpx2.AsyncClient, path: str
) -> None:
    answer = await client.get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


async def test_headers_of_the_error_are_kept(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/kept", headers=BROWSER)
    assert answer.headers["retry-after"] == "7"
    assert int(answer.headers["content-length"]) == len(answer.content)


async def test_what_is_no_error_passes_untouched(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/fine", headers=BROWSER)
    assert (answer.status_code, answer.text) == (200, "fine")


async def test_a_head_request_has_no_body_but_the_pages_headers(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.head("/nothing", headers=BROWSER)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_fault_of_ours_is_never_called_the_citizens() -> None:
    ours = {failures.advice_for(status).title for status in range(500, 600)}
    theirs = {failures.advice_for(status).title for status in range(400, 500)}
    assert ours == {"Hệ thống gặp lỗi", "Hệ thống đang bận"}
    assert not ours & theirs
