"""A PDF behind a link that a gateway gives: fetched at once, from hosts that the account names.

The link expires, and whoever changed it on its way must not send us elsewhere: only the gateway's
own host and those of the setting are called, over HTTPS (or as the gateway itself is called).
"""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from adapters.http import GatewayHttp
from payments.gateway_info import CredentialField
from payments.ports import GatewayMisuse, OutcomeUnknown

_LARGEST: Final = 5_000_000
_PDF: Final = b"%PDF-"

#: Makes a client for a host's address; tests give another.
ClientMaker = Callable[[str], GatewayHttp]


def receipt_fields() -> tuple[CredentialField, ...]:
    """The settings of an account whose gateway makes out receipts of its own."""
    return (
        CredentialField(
            "receipt",
            "Cổng cấp biên lai riêng (yes)",
            "The gateway makes out its own receipts (yes)",
            secret=False,
            required=False,
            pattern="yes|no",
        ),
        CredentialField(
            "receipt_path",
            "Đường dẫn lấy biên lai",
            "Path of the call for a receipt",
            secret=False,
            required=False,
            pattern=r"/[0-9A-Za-z._/-]{1,200}",
        ),
        CredentialField(
            "receipt_hosts",
            "Máy chủ khác giữ tệp biên lai, cách nhau bằng dấu phẩy",
            "Other hosts that hold receipts' files, by comma",
            secret=False,
            required=False,
            pattern=r"[0-9a-z.-]{1,100}(,[0-9a-z.-]{1,100}){0,4}",
        ),
    )


def unread(address: str) -> GatewayHttp:
    """A client that gives what it is answered as bytes.

    It calls once: whoever gets no file asks for another link, and a repeat would stand in the log.
    """
    return GatewayHttp(address, max_bytes=_LARGEST, opaque=True, attempts=1)


async def fetch_pdf(
    url: str, base_url: str, settings: Mapping[str, str], *, make: ClientMaker = unread
) -> bytes:
    """The PDF behind `url`.

    Raises `GatewayMisuse` for a link to a host that is not named, `OutcomeUnknown` for what is no
    PDF, and what the client raises.
    """
    try:
        link, base = urlsplit(url), urlsplit(base_url)
        port = link.port
    except ValueError:
        raise OutcomeUnknown("the link to the receipt is no address") from None
    named = {base.hostname, *settings.get("receipt_hosts", "").split(",")} - {""}
    if link.scheme not in ("https", base.scheme) or link.username is not None:
        raise GatewayMisuse("the link to the receipt is not https")
    if link.hostname is None or link.hostname not in named:
        raise GatewayMisuse("the link to the receipt leads to a host that is not named")
    host = f"[{link.hostname}]" if ":" in link.hostname else link.hostname
    http = make(f"{link.scheme}://{host}" + ("" if port is None else f":{port}"))
    try:
        path = (link.path or "/") + (f"?{link.query}" if link.query else "")
        answer = await http.get(path, {"Accept": "application/pdf"})
    finally:
        await http.aclose()
    if not answer.ok:
        raise OutcomeUnknown(f"the receipt was not given (HTTP {answer.status})")
    if not answer.body.startswith(_PDF):
        raise OutcomeUnknown("the receipt is no PDF")
    return answer.body
