"""An address with a NUL in it names nothing that we could have.

The database takes no such text, so that every cursor, code and word would have to be looked at by
its route; here all of them are, once. Callbacks are left alone: what is authentic is kept, however
odd it is.
"""

from starlette.responses import Response
from starlette.types import Scope

from core.errors import FieldError, Invalid
from core.problems import body_of, problem_response, trace_id_of


def refusal_of(scope: Scope) -> Response | None:
    """422 for a request whose path or query holds a NUL, however it is written; else None."""
    path, query = scope["path"], scope["query_string"]
    odd = b"%00" in query or b"\0" in query or "\0" in path
    if not odd or path.startswith("/callbacks/"):
        return None
    fault = FieldError("address", "unreadable", "The address holds a NUL (%00).")
    refused = Invalid("Địa chỉ có ký tự không dùng được.", errors=[fault])
    return problem_response(body_of(refused, trace_id_of(scope)))
