"""Every reason why a set of values is no VietQR; reading and writing ask the same questions.

A reason names the tag path and says what is wrong in Vietnamese, then in English. Pure.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

from adapters.bank_qr import tlv
from adapters.bank_qr.fields import BY_PATH, Service, field_at
from core.errors import FieldError

#: EMVCo's limit for the whole of a merchant-presented QR, in characters
MAX_PAYLOAD = 512
CHECKSUM = "63"

_SERVICE_INSIDE_ACCOUNT = "38.01.02"
#: the only template in which a code may carry other than ASCII, and only on reading
_LANGUAGE = "64."


def reason(field: str, code: str, vietnamese: str, english: str) -> FieldError:
    """One reason, in both languages."""
    return FieldError(field, code, f"{vietnamese} / {english}")


def check(
    values: Mapping[str, str], *, reading: bool, broken: Collection[str] = ()
) -> Iterator[FieldError]:
    """Every reason found in `values` (path to value), without 00 and the checksum's framing.

    `broken` names the sequences that could not be read to their end ("" is the whole): of what
    may have stood in them, nothing is called missing.
    """
    for path in sorted(values):
        # A code is written for every bill, and hardly ever has a fault: it costs no search for one.
        if not _is_right(path, values[path], reading=reading):
            yield from _check_value(path, values[path], reading=reading)
    yield from _check_presence(values, broken, reading=reading)


def check_frame(
    payload: str, pairs: Sequence[tuple[str, str]], *, intact: bool
) -> Iterator[FieldError]:
    """What begins and what ends every payload: 00 first, 63 last and right.

    `pairs` are the payload's own tags and values, as far as they could be read.
    """
    tags = [tag for tag, _ in pairs]
    if tags[:1] != ["00"] and (tags or intact):
        code = "order" if "00" in tags else "missing"
        yield reason("00", code, "mã phải bắt đầu bằng thẻ 00", "tag 00 must come first")
    if intact and CHECKSUM not in tags:
        yield reason(CHECKSUM, "missing", "thiếu mã kiểm tra (63)", "the checksum (63) is missing")
    elif intact and tags[-1] != CHECKSUM:
        yield reason(CHECKSUM, "order", "thẻ 63 phải đứng cuối", "tag 63 must come last")
    elif intact and len(pairs[-1][1]) != 4:
        yield reason(
            CHECKSUM, "form", "mã kiểm tra phải có 4 ký tự", "the checksum must have 4 characters"
        )
    elif payload[-8:-4] == f"{CHECKSUM}04":
        # Also where the sequence broke before: the checksum may be wrong as well, and is told.
        given, right = payload[-4:], tlv.checksum(payload[:-4])
        if given.upper() != right:
            yield reason(
                CHECKSUM,
                "checksum",
                f"mã kiểm tra là {given!r}, phải là {right}",
                f"the checksum is {given!r} but should be {right}",
            )


def check_limit(path: str, text: str, *, reading: bool = False) -> Iterator[FieldError]:
    """A reason if a value or a whole template is longer than its field allows."""
    field = field_at(path)
    limit = (reading and field.read_limit) or field.limit
    if len(text) > limit:
        yield reason(
            path,
            "too_long",
            f"{field.vietnamese} dài {len(text)} ký tự, tối đa {limit}",
            f"the {field.english} has {len(text)} characters, at most {limit} are allowed",
        )


def _is_right(path: str, value: str, *, reading: bool) -> bool:
    """Whether a value is as its field wants it written; `_check_value` knows what else may be."""
    field = BY_PATH.get(path)
    return (
        field is not None
        and not reading
        and path != _SERVICE_INSIDE_ACCOUNT
        and 0 < len(value) <= field.limit
        and value.isascii()
        and value.isprintable()
        and field.form.pattern.fullmatch(value) is not None
    )


def _check_value(path: str, value: str, *, reading: bool) -> Iterator[FieldError]:
    field = field_at(path)
    if path == _SERVICE_INSIDE_ACCOUNT:
        yield reason(
            path,
            "misplaced",
            "thẻ 02 nằm trong 38.01; mã dịch vụ phải ở 38.02",
            "tag 02 stands inside 38.01; the service belongs in 38.02",
        )
        return
    if not value:
        yield reason(path, "empty", f"{field.vietnamese} để trống", f"the {field.english} is empty")
        return
    yield from check_limit(path, value, reading=reading)
    any_language = reading and path.startswith(_LANGUAGE)
    if not (value.isprintable() and (any_language or value.isascii())):
        yield reason(
            path,
            "charset",
            f"{field.vietnamese} có ký tự ngoài ASCII (chữ có dấu?) hoặc ký tự điều khiển",
            f"the {field.english} holds a character outside printable ASCII",
        )
    elif not (form := (reading and field.read_form) or field.form).pattern.fullmatch(value):
        yield reason(
            path,
            form.code,
            f"{field.vietnamese} phải {form.vietnamese}, gặp {value!r}",
            f"the {field.english} must be {form.english}, {value!r} was found",
        )


def _check_presence(
    values: Mapping[str, str], broken: Collection[str], *, reading: bool
) -> Iterator[FieldError]:
    standing = {path[:2] for path in values} | set(broken)

    def may_be_hidden(path: str) -> bool:
        tags = path.split(".")
        return any(".".join(tags[:depth]) in broken for depth in range(len(tags)))

    required = ["01", "53", "58"]
    if "38" in standing:
        required += ["38.00", "38.01.00", "38.01.01"]
        if reading or "38.02" in values:
            required += _required_by_service(values, broken)
        else:
            # An absent service has a meaning, but we write what we mean.
            required.append("38.02")
    elif "26" in standing:
        required.append("26.01")
    elif "" not in broken:
        yield reason(
            "38",
            "missing",
            "thiếu tài khoản thụ hưởng (38, hoặc 26)",
            "the payee account (38, or 26) is missing",
        )
    if "26" in standing:
        required.append("26.00")
    if "64" in standing:
        required += ["64.00", "64.01"]
    for fee, indicator in (("56", "02"), ("57", "03")):
        if values.get("55") == indicator:
            required.append(fee)
        elif fee in values:
            yield reason(
                fee,
                "misplaced",
                f"thẻ {fee} chỉ đi cùng 55 = {indicator}",
                f"tag {fee} goes only with 55 = {indicator}",
            )
    for path in sorted(path for path in required if path not in values):
        if not may_be_hidden(path):
            field = field_at(path)
            yield reason(
                path,
                "missing",
                f"thiếu {field.vietnamese} ({path})",
                f"the {field.english} ({path}) is missing",
            )


def _required_by_service(values: Mapping[str, str], broken: Collection[str]) -> list[str]:
    """A merchant must be named where a merchant is paid; an absent service means QRPUSH.

    A service in the wrong place is judged as what it was meant to be.
    """
    if "38" in broken:
        return []
    service = values.get("38.02", values.get(_SERVICE_INSIDE_ACCOUNT, Service.MERCHANT))
    if service == Service.MERCHANT:
        return ["52", "59", "60"]
    return ["59", "60"] if service == Service.CASH else []
