"""The cookie by which a page tells what became of a press: bound to its page, and to HTTPS."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.web.citizen.paying import _back


@pytest.mark.parametrize(
    ("base_url", "name", "secure"),
    [
        ("https://thu.example.vn", "__Secure-lephi_told", True),
        ("http://127.0.0.1:8000", "lephi_told", False),
    ],
)
def test_over_https_the_cookie_stays_there(base_url: str, name: str, *, secure: bool) -> None:
    context: Any = SimpleNamespace(urls=SimpleNamespace(base_url=base_url))
    bill: Any = SimpleNamespace(reference="LPABCDEFGHJK23")
    for message in ("payment_declined", ""):
        set_cookie = _back(context, bill, "", message).headers["set-cookie"]
        parts = set_cookie.split("; ")
        assert parts[0].startswith(f"{name}=")
        assert {"HttpOnly", "Path=/b/LPABCDEFGHJK23", "SameSite=lax"} <= set(parts)
        assert ("Secure" in parts) == secure
