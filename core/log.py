"""Structured logs: one JSON object a line on standard error, secrets and people masked.

Masking looks at names and at values. What stands under a telling name (`authorization`,
`payer`, `*_key`, …) is hidden whole; every other text is searched for API keys, credentials in
URLs, e-mail addresses, and numbers of people, phones and cards. An object that is no plain value
is logged as its type only, for its repr may hold anything. The names of people cannot be told by
their look: keep them under `payer` or `name`.

Lines are pure ASCII, so that nothing in a value can begin a new line or steer a terminal. A log
line that cannot be written is lost, and never breaks what was being done.
"""

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from datetime import date, time, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePath
from typing import Any, TextIO, cast
from uuid import UUID

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from core import clock

MASKED = "[masked]"

_MAX_TEXT = 16_384
_MAX_DEPTH = 8

#: Parts of a name, in lower case without punctuation, that tell that its value is not for a log.
_TELLING = re.compile(
    "authorization|apikey|token|secret|password|passwd|passphrase|credential|cookie|session"
    "|signature|checksum|securehash|payer|behalf|delegate|identitynumber|taxnumber|cccd|cmnd|phone"
    "|mobile|email|narrative"
    "|(?:full|customer|account|holder|owner|sender|person|vendor)name|^name$|^body$|key$"
)
_PUNCTUATION = re.compile("[^0-9a-z]+")

#: What is hidden wherever it stands. The name of a group becomes the label in its place.
_HIDDEN = re.compile(
    r"""
      (?P<key>lpk_[\w-]+)
    | (?P<credential>
          \b(?:bearer|basic|apikey)[ ]+[^\s"',;]{8,}         # an Authorization header
        | (?<=://)[^\s/:@]*+:[^\s/@]+(?=@)                  # user and password of a URL
        | (?:token|ticket|key|secret|password|signature|checksum|hash|phone|email|name)
          =[^\s&"',;]+                                      # a parameter in a URL
      )
    | (?P<data>                                             # values quoted in error texts of …
          (?<=\[parameters:[ ]).+                           # … SQLAlchemy
        | (?<=Failing[ ]row[ ]contains[ ])(?s:.+)           # … PostgreSQL
        | (?<=Key[ ]\()\w+\)=\(.+
        | (?<=input_value=).{1,200}?(?=,[ ]input_type=)     # … pydantic
      )
    | (?P<email>(?<![\w.+%-])[\w.+%-]++@[\w-]+(?:\.[\w-]+)+)
    | (?P<phone>
          (?<![0-9A-Za-z])
          (?:\(?\+84\)?(?:[ .-]?\d){8,10} | 84\d{9} | (?<!\d[.,])0(?:[ .-]?\d){8,10})
          (?![0-9A-Za-z])
      )
    | (?P<identity>
          (?<![0-9A-Za-z])(?<!\d[.,])
          (?:\d{12} | 0\d{2}(?:[ .-]\d{3}){3})
          (?![0-9A-Za-z])
      )
    | (?P<card>(?<![0-9A-Za-z])\d(?:[ -]?\d){12,18}(?![0-9A-Za-z]))
    """,
    re.VERBOSE | re.IGNORECASE,
)
#: One of these, or nine digits, stands in every text that `_HIDDEN` can match: most have none,
#: and looking for them costs a tenth of the search.
_SIGNS = (
    "@",
    "=",
    "://",
    "lpk_",
    "bearer ",
    "basic ",
    "apikey ",
    "parameters: ",
    "contains ",
    "key (",
)
_DIGITS = re.compile(r"\d(?:[ .)-]{0,2}\d){8}")
#: A letter that every one of `_SIGNS` has: short words have none, and need no looking for signs.
_LETTER_OF_SIGNS = re.compile("[@=:_ ]")


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log line of the process, ours and the libraries', masked to `stream`.

    `level` is debug, info, warning or error; `stream` is standard error unless a test says
    otherwise. Raises KeyError for another level.
    """
    global _output
    number = logging.getLevelNamesMapping()[level.upper()]
    _output = _Output(stream)
    _configure_structlog(number, _output)
    handler = _Handler(_output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_BEFORE,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_AFTER],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # Below warning the first writes statements with their values, the others whole addresses.
    for name in ("sqlalchemy", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def writes_info() -> bool:
    """Whether lines of level info are written at all; asking costs less than a line that is not."""
    return logging.getLogger().isEnabledFor(logging.INFO)


def get(name: str) -> FilteringBoundLogger:
    """The logger of a module: `get(__name__).info("what happened", bill_id=…)`."""
    return cast(FilteringBoundLogger, structlog.get_logger(module=name))


def own_line(module: str, event: str) -> Callable[..., None]:
    """What writes lines of one event whose names and texts are all the program's own.

    For the line of each request: binding and masking, which find nothing in it, cost a tenth of
    creating a bill. What may hold a caller's text goes through `get`.
    """
    begin = json.dumps({"event": event, "module": module, "level": "info"})[:-1]

    def write(**fields: str | int) -> None:
        values = json.dumps({**fields, "timestamp": _timestamp()}, ensure_ascii=True)
        _output.write(f"{begin}, {values[1:]}\n")

    return write


def mask(value: object, name: str = "") -> object:
    """`value` as it may be logged under `name`: plain JSON values, secrets and people hidden."""
    return _mask(value, name, 0)


def _mask(value: object, name: str, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if name and _is_telling(name):
        return MASKED
    if isinstance(value, str):
        return _mask_text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Mapping | list | tuple | Set) and depth >= _MAX_DEPTH:
        return "[deeper]"
    if isinstance(value, Mapping):
        return {
            _shown_name(str(key)): _mask(member, str(key), depth + 1)
            for key, member in value.items()
        }
    if isinstance(value, list | tuple | Set):
        return [_mask(item, "", depth + 1) for item in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"[{len(value)} bytes]"
    if isinstance(value, BaseException):
        return _mask_text(f"{type(value).__name__}: {_text(value)}")
    if isinstance(value, float | Decimal | date | time | timedelta | UUID | PurePath):
        return _mask_text(_text(value))
    return f"[{type(value).__name__}]"


@lru_cache(1024)
def _shown_name(name: str) -> str:
    return _mask_text(name)


@lru_cache(1024)
def _is_telling(name: str) -> bool:
    return _TELLING.search(_PUNCTUATION.sub("", name.lower())) is not None


def _mask_text(text: str) -> str:
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}… [{len(text)} characters]"
    if _DIGITS.search(text) is None and not _has_sign(text):
        return text
    return _HIDDEN.sub(lambda match: f"[{match.lastgroup}]", text)


def _has_sign(text: str) -> bool:
    if _LETTER_OF_SIGNS.search(text) is None:
        return False
    lowered = text.lower()
    return any(sign in lowered for sign in _SIGNS)


def _text(value: object) -> str:
    with suppress(Exception):
        return str(value)
    return "[unprintable]"


def _add_time(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event["timestamp"] = _timestamp()
    return event


def _timestamp() -> str:
    return clock.now().isoformat(timespec="milliseconds")


def _add_module(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Name the logger of a library's record as `get` names ours."""
    event["module"] = event["_record"].name
    return event


def _mask_event(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {_shown_name(name): mask(value, name) for name, value in event.items()}


def _render(_: WrappedLogger, __: str, event: EventDict) -> str:
    return json.dumps(event, ensure_ascii=True)


_BEFORE: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    _add_module,
]
_AFTER: list[Processor] = [
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
    _mask_event,
    _add_time,  # after the masking, which has nothing to look for in it
    _render,
]


class _Output:
    """Where lines go: standard error as it is at that moment; faults in writing are swallowed."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            (self._stream or sys.stderr).write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            (self._stream or sys.stderr).flush()


class _Handler(logging.StreamHandler[Any]):
    """The one handler of the root logger."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's own name
        """Say nothing: the default prints the record with its arguments, unmasked."""


def _configure_structlog(level: int, output: _Output) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *_AFTER,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=cast(TextIO, output)),
        cache_logger_on_first_use=False,
    )


# From the first import on: a line logged before `configure` must not go out unmasked.
_output = _Output(None)
_configure_structlog(logging.INFO, _output)
