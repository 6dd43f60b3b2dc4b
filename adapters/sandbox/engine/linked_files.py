"""Files behind links that expire, as gateways give them: a PDF that says what it is of."""

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlencode

from adapters.sandbox.engine.gateway import Engine
from adapters.sandbox.engine.reading import mac, same
from adapters.sandbox.engine.replies import Reply

#: As the banks' side of the state's platform has it.
_LASTS: Final = timedelta(seconds=300)
_KEY: Final = "the sandbox's links"


def link_to(engine: Engine, dialect: str, name: str) -> str:
    """The address of the file of that name, good for five minutes."""
    until = (engine.now() + _LASTS).isoformat()
    query = urlencode({"name": name, "until": until, "mac": mac(_KEY, f"{name} {until}")})
    return f"{engine.base_url}/{dialect}/file?{query}"


def linked_file(engine: Engine, query: str) -> Reply:
    """The PDF, or 404 for a link that is none or has expired."""
    given = {name: values[0] for name, values in parse_qs(query).items()}
    name, until = given.get("name", ""), given.get("until", "")
    if not same(given.get("mac"), mac(_KEY, f"{name} {until}")):
        return Reply(404, b"no such file", media_type="text/plain")
    if datetime.fromisoformat(until) < engine.now():
        return Reply(404, b"expired", media_type="text/plain")
    return Reply(200, f"%PDF-1.4\n% {name}\n%%EOF\n".encode(), media_type="application/pdf")
