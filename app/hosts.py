"""In production only requests under the service's own names are answered.

No address of ours is ever made of a request's `Host`: they come from LEPHI_BASE_URL or are paths.
Whoever sends another name is a scanner, or a proxy set up wrongly, and is told so.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import BadRequest
from core.problems import body_of, problem_response, trace_id_of
from core.settings import Settings

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: What a load balancer asks by address.
_HEALTH = "/health/"


class UnknownHost(BadRequest):
    """The request's `Host` is none of the service's names."""

    code = "unknown_host"


def host_names(settings: Settings) -> frozenset[str]:
    """The names under which the service may be asked, in lower case and without ports."""
    base = urlsplit(settings.base_url).hostname or ""
    further = (name.strip() for name in settings.hosts.split(","))
    names = (base, settings.host, *_LOOPBACK, *further)
    return frozenset(name.lower() for name in names if name)


class Hosts:
    """Answers 400 `unknown_host` to a request under another name; health questions excepted."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; see the class."""
        if scope["type"] != "http" or self._is_known(scope) or scope["path"].startswith(_HEALTH):
            await self._app(scope, receive, send)
            return
        refused = UnknownHost("Tên máy chủ trong yêu cầu không phải của dịch vụ này.")
        answer = problem_response(body_of(refused, trace_id_of(scope)))
        await answer(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"host", b"").decode("latin-1")
        try:
            name = urlsplit(f"//{given}").hostname
        except ValueError:
            return False
        return name is not None and name.lower() in self._names
