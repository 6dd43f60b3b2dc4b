"""Nothing secret and nobody's data in a log line, tried with canaries.

The same canaries go through a log without masking first, to show that the search finds them.
"""

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError

from core import clock, log

#: Texts that betray themselves by their look, and the part of each that must be gone.
SECRETS = [
    ("lpk_ABCDEFGHJKLMNPQRSTUVWXYZ23456789", "ABCDEFGHJKLMN"),
    ("Bearer canary.eyJhbGciOi.sig-nature_1", "canary.eyJhbGciOi.sig-nature_1"),
    ("Basic Y2FuYXJ5OmNhbmFyeQ==", "Y2FuYXJ5OmNhbmFyeQ"),
    ("Apikey canarycanary", "canarycanary"),
    ("postgresql://lephi:canary-password@db/lephi", "canary-password"),
    ("/b/LPABCDEFGHJKXF?token=canarytoken12&x=1", "canarytoken12"),
    ("?vnp_SecureHash=0123456789abcdefcanary", "0123456789abcdefcanary"),
    ("canary.person+tag@example.com.vn", "canary.person"),
    *(
        (number, number)
        for number in [
            "001099012345",
            "001 099 012 345",
            "001.099.012.345",
            "912345678901",
            "0912345678",
            "0912 345 678",
            "0912.345.678",
            "091-234-5678",
            "+84912345678",
            "+84 912 345 678",
            "(+84) 912 345 678",
            "84912345678",
            "02838221234",
            "4111111111111111",
            "4111 1111 1111 1111",
            "9704-3600-1234-5678",
            "9704360012345678901",
        ]
    ),
]
NAMES = [
    "authorization",
    "Authorization",
    "api_key",
    "X-Api-Key",
    "apiKey",
    "token",
    "pay_token",
    "secret",
    "secret_key",
    "hash_secret",
    "client_secret",
    "signing_key",
    "idempotency_key",
    "password",
    "identity_number",
    "identityNumber",
    "phone",
    "payer_phone",
    "email",
    "payer",
    "payer_name",
    "payer_tax_number",
    "on_behalf_of",
    "behalf_address",
    "delegate",
    "name",
    "full_name",
    "account_name",
    "signature",
    "checksum",
    "vnp_SecureHash",
    "cookie",
    "narrative",
    "body",
]
#: What must stay readable, or the log is of no use.
HARMLESS = [
    "bill_019abcdef0123456789abcdef0123456",
    "LPABCDEFGHJKXF",
    "2026-11-22T02:43:35.376123+00:00",
    "2026-11-22",
    "2.000815",
    "1.000.000 đ",
    "84.000.000.000 đ",
    "100.000.000.000 đ",
    "10.000.000.000.000 đ",
    "FT24123456789",
    "26TAA",
    "http://127.0.0.1:8000/api/v1/bills",
    "basic info",
    "4bf92f3577b34da6a3ce929d0e0e4736",
]

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [one for one in root.handlers if isinstance(one, log._Handler)]:
        root.removeHandler(handler)
    root.setLevel(level)
    log._configure_structlog(logging.INFO, log._Output(None))


@pytest.fixture
def output() -> io.StringIO:
    stream = io.StringIO()
    log.configure("debug", stream)
    return stream


@pytest.fixture
def lines(output: io.StringIO) -> Lines:
    return lambda: [json.loads(line) for line in output.getvalue().splitlines()]


def test_the_canaries_are_seen_in_a_log_without_masking(output: io.StringIO) -> None:
    unmasked = [step for step in structlog.get_config()["processors"] if step != log._mask_event]
    assert len(unmasked) == len(structlog.get_config()["processors"]) - 1
    structlog.configure(processors=unmasked)
    log.get("test").info(
        "here", text=" ".join(text for text, _ in SECRETS), **dict.fromkeys(NAMES, "canary")
    )
    assert all(telltale in output.getvalue() for _, telltale in SECRETS)
    assert output.getvalue().count('"canary"') == len(NAMES)


@pytest.mark.parametrize(("secret", "telltale"), SECRETS)
def test_a_telling_value_is_hidden_wherever_it_stands(
    output: io.StringIO, lines: Lines, secret: str, telltale: str
) -> None:
    logger = log.get("test")
    logger.info(secret)
    logger.info("before %s after", secret, text=f"a {secret}, b", plain=secret)
    logger.info("nested", data={"list": [{"deep": (secret, f"({secret})")}], secret: 1})
    logger.info("error", problem=ValueError(f"wrong: {secret}"))
    logging.getLogger("library").warning("text %s", secret, extra={"more": secret})
    try:
        raise RuntimeError(f"failed with {secret}")
    except RuntimeError:
        logger.exception("failed")
        logging.getLogger("library").exception("failed")
    assert len(lines()) == 7
    assert telltale not in output.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_under_a_telling_name_is_hidden_whole(
    output: io.StringIO, lines: Lines, name: str
) -> None:
    log.get("test").info("here", **{name: "Canary Nguyen"})
    log.get("test").info("here", data=[{name: {"x": "Canary"}}], more={name: [12345]})
    if name != "name":  # a record of the standard library has a name of its own
        logging.getLogger("library").warning("here", extra={name: "Canary"})
    assert "anary" not in output.getvalue()
    assert "12345" not in output.getvalue()
    assert lines()[0][name] == log.MASKED


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays_readable(lines: Lines, text: str) -> None:
    log.get("test").info("here", value=text)
    log.get("test").info("about %s.", text)
    assert lines()[0]["value"] == text
    assert lines()[1]["event"] == f"about {text}."


def test_amounts_and_counts_stay_numbers(lines: Lines) -> None:
    log.get("test").info("here", amount=84_912_345_678, count=0, done=True, missing=None)
    line = lines()[0]
    assert line["amount"] == 84_912_345_678
    assert (line["count"], line["done"], line["missing"]) == (0, True, None)


def test_plain_values_are_written_and_other_objects_only_named(
    output: io.StringIO, lines: Lines
) -> None:
    class Payer(BaseModel):
        title: str

    at = datetime(2026, 11, 22, tzinfo=UTC)
    log.get("test").info(
        "here",
        at=at,
        ratio=0.5,
        odd=float("nan"),
        decimal=Decimal("1.5"),
        path=Path("var/data"),
        uuid=UUID(int=7 << 76),
        person=Payer(title="Canary"),
        raw=b"canary",
        several={3},
    )
    line = lines()[0]
    assert line["at"] == str(at)
    assert (line["ratio"], line["odd"], line["decimal"]) == ("0.5", "nan", "1.5")
    assert line["path"] == "var/data"
    assert line["several"] == [3]
    assert line["person"] == "[Payer]"
    assert line["raw"] == "[6 bytes]"
    assert "anary" not in output.getvalue()


def test_values_quoted_by_libraries_in_their_errors_are_hidden(output: io.StringIO) -> None:
    class Payer(BaseModel):
        age: int

    given = {"age": "Canary Nguyen"}
    with pytest.raises(ValidationError) as invalid:
        Payer.model_validate(given)
    postgres = Exception("null value\nDETAIL:  Failing row contains (1, Canary,\nCanary two).")
    unique = Exception("duplicate\nDETAIL:  Key (owner)=(Canary Nguyen) already exists.")
    statement = DBAPIError("INSERT INTO x", {"note": "Canary Nguyen"}, Exception("failed"))
    for error in (invalid.value, postgres, unique, statement):
        assert "anary" in str(error)
        log.get("test").error("failed", problem=error)
        log.get("test").error("failed", exc_info=error)
    assert "anary" not in output.getvalue()
    assert "null value" in output.getvalue()


@pytest.mark.parametrize(
    "text",
    ['x\n{"event": "forged"}', "x\r\ny", "x\u2028y", "x\u0085y", "x\x0by", "\x1b[2J", "\ud800"],
)
def test_no_value_can_begin_a_line_or_steer_a_terminal(
    output: io.StringIO, lines: Lines, text: str
) -> None:
    log.get("test").info(text, value=text, **{text: text})
    logging.getLogger("library").warning(text)
    assert output.getvalue().isascii()
    assert output.getvalue().count("\n") == len(output.getvalue().splitlines()) == 2
    assert not set(output.getvalue()) & set("\r\x0b\x1b")
    assert [line["event"] for line in lines()] == [text, text]


def test_a_line_says_when_where_and_how_grave(lines: Lines) -> None:
    at = datetime(2026, 11, 22, 2, 3, 4, 567891, UTC)
    with clock.frozen(at), structlog.contextvars.bound_contextvars(trace_id="abc"):
        log.get("core.test").warning("ours", bill_id="bill_1")
        logging.getLogger("theirs").error("from %s", "a library")
    ours, theirs = lines()
    assert ours == {
        "event": "ours",
        "bill_id": "bill_1",
        "level": "warning",
        "module": "core.test",
        "timestamp": "2026-11-22T02:03:04.567+00:00",
        "trace_id": "abc",
    }
    assert theirs["event"] == "from a library"
    assert theirs["module"] == "theirs"
    assert theirs["level"] == "error"
    assert theirs["trace_id"] == "abc"


def test_a_line_of_our_own_words_is_like_every_other(lines: Lines) -> None:
    write = log.own_line("core.test", "said")
    with clock.frozen(datetime(2026, 11, 22, 2, 3, 4, 567891, UTC)):
        write(route="/b/{reference}", status=200, odd='"\n\u2028ệ')
        log.get("core.test").info("said", route="/b/{reference}", status=200, odd='"\n\u2028ệ')
    own, bound = lines()
    assert own == bound


def test_a_line_of_our_own_words_goes_where_the_others_go_and_breaks_nothing() -> None:
    write, stream = log.own_line("core.test", "said"), io.StringIO()
    log.configure("info", stream)
    write(status=200)
    assert stream.getvalue().isascii()
    assert stream.getvalue().count("\n") == 1
    stream.close()
    write(status=500)


def test_an_exception_is_written_with_its_traceback_in_one_line(lines: Lines) -> None:
    try:
        raise LookupError("gone")
    except LookupError:
        log.get("test").exception("failed")
    assert "LookupError: gone" in lines()[0]["exception"]
    assert "Traceback" in lines()[0]["exception"]


def test_levels_below_the_configured_one_are_left_out() -> None:
    stream = io.StringIO()
    log.configure("warning", stream)
    log.get("test").info("no")
    logging.getLogger("library").info("no")
    log.get("test").warning("yes")
    logging.getLogger("library").warning("yes")
    assert stream.getvalue().count("\n") == 2
    assert '"no"' not in stream.getvalue()


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(KeyError):
        log.configure("loud")


def test_configuring_twice_writes_every_line_once(output: io.StringIO, lines: Lines) -> None:
    log.configure("info", output)
    logging.getLogger("library").warning("once")
    log.get("test").warning("once")
    assert len(lines()) == 2


def test_statements_of_the_database_library_are_never_logged(output: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.engine").info("INSERT … %s", "Canary")
    assert output.getvalue() == ""


def test_a_logger_masks_before_anything_is_configured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    structlog.reset_defaults()
    log._configure_structlog(logging.INFO, log._Output(None))
    log.get("test").info("early", phone="0912345678", text="0912345678")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["phone"] == log.MASKED
    assert "0912345678" not in captured.err


def test_a_log_that_cannot_be_written_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    log.configure("info", Broken())
    log.get("test").info("lost")
    logging.getLogger("library").warning("lost")
    closed = io.StringIO()
    log.configure("info", closed)
    closed.close()
    log.get("test").info("lost")
    stream = io.StringIO()
    log.configure("info", stream)
    log.get("test").info("kept", problem=Unprintable())
    record = logging.LogRecord("x", logging.WARNING, "", 1, "%d canary", ("no number",), None)
    ours = [one for one in logging.getLogger().handlers if isinstance(one, log._Handler)]
    ours[0].handle(record)
    assert "[unprintable]" in stream.getvalue()
    assert "canary" not in capsys.readouterr().err


def test_long_and_deep_values_are_cut(lines: Lines) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"in": deep}
    endless: list[Any] = []
    endless.append(endless)
    log.get("test").info("here", text="x" * 100_000, deep=deep, endless=endless)
    line = lines()[0]
    assert len(line["text"]) < 20_000
    assert line["text"].endswith("[100000 characters]")
    assert "[deeper]" in json.dumps(line["deep"])
    assert "[deeper]" in json.dumps(line["endless"])


def test_no_sign_is_overlooked_because_its_word_is_not_looked_at() -> None:
    assert [sign for sign in log._SIGNS if log._LETTER_OF_SIGNS.search(sign) is None] == []
