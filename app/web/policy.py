"""What a page may load and where its forms may lead: the Content-Security-Policy header. Pure."""

from collections.abc import Iterable
from urllib.parse import urlsplit

_PARTS = (
    "default-src 'none'",
    "img-src 'self' data:",
    "style-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    "font-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)


def policy(form_targets: Iterable[str] = ()) -> str:
    """Nothing from elsewhere, nothing inline; forms lead home and to the origins of the addresses.

    A browser applies `form-action` to the redirects of a form too, so the page that sends a citizen
    to a gateway has to name that gateway's origin.
    """
    origins = sorted({_origin(address) for address in form_targets})
    return "; ".join([*_PARTS, " ".join(["form-action 'self'", *origins])])


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


#: For every page that does not say otherwise.
STRICT = policy()

#: For a page that goes on working without a network: its worker and its manifest are our own too.
WALKING = f"{STRICT}; worker-src 'self'; manifest-src 'self'; media-src 'self'"
