"""What an upload calls its file: kept as it is, or refused in Vietnamese, never a failure."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from core.ids import new_id
from payments.catalogue.upkeep.proposals import api
from tests.support.catalogue_files import fees_csv
from tests.support.problems import problem
from tests.support.staff import key_of_person
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATEMENTS = "/api/v1/statements"
PROPOSALS = "/api/v1/catalogue/proposals"
STATEMENT = (
    b"line_id,booked_at,amount,direction,reference,narrative,bank_ref\r\n"
    b"L1,2026-11-02T10:00:00+07:00,5000,credit,,CT DEN,FT1\r\n"
)

#: Bytes of a name, the charset of the form, and the code of what is said.
BAD = [
    (b"a\x00.csv", "", "control_character"),
    (b"a\x1b[2J.csv", "", "control_character"),
    (b"a\n.csv", "", "control_character"),
    (b"ph\xed.csv", "", "not_utf8"),
    (b"\xff\xfea\x00.csv", "", "not_utf8"),
    (b"sao k\xea.csv", "; charset=windows-1258", "not_utf8"),
    (b"\xed\xa0\x80.csv", "", "not_utf8"),
    (b"ph\xc3\xad.csv", "; charset=bogus", "not_utf8"),
    (b"ph+AO0-.csv", "; charset=utf-7", "not_utf8"),
    (b"a+2AA-.csv", "; charset=utf-7", "not_utf8"),
    (b"x" * 201 + b".csv", "", "too_long"),
    (b"../../a.csv", "", "path"),
    (b"/etc/passwd", "", "path"),
    (b"a\\\\b.csv", "", "path"),
    (b"..", "", "path"),
    (b"   ", "", "empty"),
]
GOOD = [
    b"a.csv",
    "Sao kê tháng 11.csv".encode(),
    "Ấ".encode() * 200,
    b"=1+1.csv",
    b"C:\\phi.csv",
    b'a\\"b.csv',
]


def form(name: bytes, content: bytes, fields: dict[str, str], charset: str = "") -> dict[str, Any]:
    """A request with a file whose name is any bytes."""
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
    return {
        "content": b"".join(parts) + head + content + b"\r\n--b--\r\n",
        "headers": {
            "Content-Type": f"multipart/form-data; boundary=b{charset}",
            "Idempotency-Key": new_id("test"),
        },
    }


async def kept(system: System) -> list[int]:
    """How many files were ever taken."""
    tables = ("statement", "catalogue_proposal")
    async with system.parts.database.transaction() as session:
        return [await session.scalar(text(f"SELECT count(*) FROM {table}")) for table in tables]


async def send(system: System, path: str, name: bytes, charset: str = "") -> httpx2.Response:
    person = await key_of_person(system, "finance")
    if path == STATEMENTS:
        fields = {"account": "kbnn-ben-mau", "mapping": "lephi-basic"}
        # Another file each time: the same one again is known by its content.
        content = STATEMENT.replace(b"FT1", new_id("ft").encode())
    else:
        fields, content = {}, fees_csv({"code": new_id("p")[-20:]})
    request = form(name, content, fields, charset)
    return await system.browser.post(path, **request | {"headers": request["headers"] | person})


@pytest.mark.parametrize("path", [STATEMENTS, PROPOSALS])
@pytest.mark.parametrize(("name", "charset", "code"), BAD)
async def test_a_bad_name_is_refused_and_nothing_is_taken(
    shared_system: System, path: str, name: bytes, charset: str, code: str
) -> None:
    before = await kept(shared_system)
    answer = await send(shared_system, path, name, charset)
    found = problem(answer, 422, "bad_file_name")
    assert [(one["field"], one["code"]) for one in found["errors"]] == [("file", code)]
    assert found["detail"].startswith("Tên tệp ")
    assert await kept(shared_system) == before


@pytest.mark.parametrize("path", [STATEMENTS, PROPOSALS])
@pytest.mark.parametrize("name", GOOD)
async def test_a_good_name_is_kept(shared_system: System, path: str, name: bytes) -> None:
    answer = await send(shared_system, path, name)
    assert answer.status_code == 201, answer.text
    table = "statement" if path == STATEMENTS else "catalogue_proposal"
    # The form's reader takes off what is no part of the name.
    wanted = name.decode().removeprefix("C:\\").replace('\\"', '"')
    async with shared_system.parts.database.transaction() as session:
        names = await session.scalars(text(f"SELECT file_name FROM {table}"))
        assert wanted in list(names)


@pytest.mark.parametrize("path", [STATEMENTS, PROPOSALS])
@pytest.mark.parametrize("name", ["Ấ".encode() * 3000, b"x" * 300_000, b"a\r\nb.csv"])
async def test_a_form_that_its_name_breaks_is_refused_in_vietnamese(
    shared_system: System, path: str, name: bytes
) -> None:
    found = problem(await send(shared_system, path, name), 400)
    assert found["detail"].startswith("Không đọc được biểu mẫu gửi lên")


@pytest.mark.parametrize("path", [STATEMENTS, PROPOSALS])
async def test_a_file_without_a_name_is_refused(shared_system: System, path: str) -> None:
    problem(await send(shared_system, path, b""), 422)


async def test_a_door_that_does_not_look_at_the_name_would_be_noticed(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "name_of", lambda file: file.filename)
    for name in (b"../../a.csv", b"ph\xed.csv", b"a\x1b[2J.csv"):
        with pytest.raises(AssertionError):
            problem(await send(shared_system, PROPOSALS, name), 422, "bad_file_name")
