"""Names of files as somebody else gives them: which are taken, and what is said of the others."""

from pathlib import Path

import pytest

from core.file_names import LONGEST_NAME, BadFileName, checked_name, name_fault, path_fault


@pytest.mark.parametrize(
    "name",
    [
        *("phi.csv", "Sao kê 02.11.2026.csv", "a'b [1]*.xlsx", "phí.csv", "Ấ" * LONGEST_NAME),
        *(".csv", "…", "a..csv", "\u0070\u0068\u0069\u0301", "💰.csv", "=1+1.csv"),
    ],
)
def test_a_name_is_taken_as_it_is(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a\x00.csv", "control_character"),
        ("a\r\n.csv", "control_character"),
        ("a\x1b[31m.csv", "control_character"),
        ("a\x85.csv", "control_character"),
        ("a\ud800.csv", "not_utf8"),
        ("ph\udced.csv", "not_utf8"),
        ("x" * (LONGEST_NAME + 1), "too_long"),
        ("x" * 100_000, "too_long"),
        ("../../etc/passwd", "path"),
        ("a/b.csv", "path"),
        ("C:\\fakepath\\a.csv", "path"),
        ("..", "path"),
        (" . ", "path"),
        ("", "empty"),
        (" \u3000", "empty"),
    ],
)
def test_a_name_that_cannot_be_kept_is_refused_in_vietnamese(name: str, code: str) -> None:
    with pytest.raises(BadFileName) as caught:
        checked_name(name)
    (fault,) = caught.value.errors
    assert (fault.field, fault.code, fault.detail) == ("file", code, caught.value.detail)
    assert fault.detail.startswith("Tên tệp ")
    assert fault.detail.endswith(".")
    assert fault.detail.isprintable()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("thư mục/../a.csv", None),
        ("/", None),
        (".", None),
        ("x" * 255, None),
        ("a\x00b/c.csv", "control_character"),
        ("ph\udced/c.csv", "not_utf8"),
        ("x" * 256, "too_long"),
        ("Ấ" * 100 + "/a.csv", "too_long"),
        ("x/" * 5000, "too_long"),
    ],
)
def test_where_a_file_is_may_have_parts_but_nothing_unreadable(path: str, code: str | None) -> None:
    fault = path_fault(Path(path))
    assert (None if fault is None else fault[0]) == code


def test_what_is_no_name_by_itself_may_be_a_path() -> None:
    assert name_fault("a/b.csv") is not None
    assert path_fault(Path("a/b.csv")) is None
