"""Time stamps of an authority (RFC 3161): that something was there at a moment, in another's word.

A stamp is the authority's whole answer, as `openssl ts -verify` reads it. It bears a signature of
its own, so that plain HTTP will do on the way, as most authorities offer nothing else. What is not
signed by the authority, or is about something else, is no stamp.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asn1crypto import tsp  # type: ignore[import-untyped]  # it has no types
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from adapters.http import GatewayHttp
from core.errors import Invalid, Unavailable
from payments.ports import GatewayMisuse, GatewayUnavailable, OutcomeUnknown

_QUERY = "application/timestamp-query"
_REPLY = "application/timestamp-reply"
_SECONDS = 20.0
#: An answer with a chain of certificates has some 6,000 bytes.
_MOST_BYTES = 65_536


class StampUnavailable(Unavailable):
    """No time stamp came: the authority is away, or its answer is none. It is asked again."""

    code = "time_stamp_unavailable"


class StampRefused(Invalid):
    """The bytes are no time stamp of the authority's about this content."""

    code = "time_stamp_refused"


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """An authority: its address, and the certificates above its own (`read_roots`)."""

    url: str
    roots: Sequence[Any] = field(repr=False)

    async def stamp(self, content: bytes) -> bytes:
        """A stamp of now on these bytes, checked. Raises `StampUnavailable`."""
        nonce = secrets.randbits(63)
        try:
            answer = await self._ask(_query(content, nonce))
            await self._check(answer, content, nonce)
        except (GatewayUnavailable, OutcomeUnknown, GatewayMisuse, StampRefused) as error:
            raise StampUnavailable(error.detail) from error
        return answer

    async def check(self, stamp: bytes, content: bytes) -> datetime:
        """When a stamp on this content was made, aware UTC. Raises `StampRefused`.

        The authority's certificates must have been valid then; today they may have ended.
        """
        return await self._check(stamp, content, None)

    async def _ask(self, query: bytes) -> bytes:
        http = GatewayHttp(
            self.url, total_deadline=_SECONDS, max_bytes=_MOST_BYTES, attempts=2, opaque=True
        )
        headers = {"Content-Type": _QUERY, "Accept": _REPLY}
        try:
            answer = await http.post_bytes("", query, headers)
        finally:
            await http.aclose()
        if not answer.ok:
            raise StampRefused(f"the authority answers {answer.status}")
        return answer.body

    async def _check(self, stamp: bytes, content: bytes, nonce: int | None) -> datetime:
        try:
            read = tsp.TimeStampResp.load(stamp, strict=True)
            said = read["status"]["status"].native
            if said not in ("granted", "granted_with_mods"):
                raise StampRefused(f"the authority says {said}")
            signed = read["time_stamp_token"]["content"]
            info = signed["encap_content_info"]["content"].parsed
            made_at: datetime = info["gen_time"].native
            context = ValidationContext(
                trust_roots=list(self.roots), allow_fetching=False, moment=made_at
            )
            told = await validate_tst_signed_data(
                signed, context, lambda name: hashlib.new(name, content).digest()
            )
            status = TimestampSignatureStatus(**told)
            if nonce is not None and info["nonce"].native != nonce:
                raise StampRefused("it answers another request")
        except StampRefused:
            raise
        except Exception as error:  # a hostile answer can make its reader raise anything
            raise StampRefused("it cannot be read as a time stamp") from error
        if not (status.intact and status.valid):
            raise StampRefused("it is about something else, or was changed")
        if not status.trusted:
            raise StampRefused("it is not signed by the authority")
        return made_at


def read_roots(pem: bytes) -> Sequence[Any]:
    """The certificates of a PEM file. Raises ValueError where there is none."""
    found = list(load_certs_from_pemder_data(pem))
    if not found:
        raise ValueError("no certificate")
    return found


def _query(content: bytes, nonce: int) -> bytes:
    """A request for a stamp with the authority's certificates in it, DER."""
    imprint = {
        "hash_algorithm": {"algorithm": "sha256"},
        "hashed_message": hashlib.sha256(content).digest(),
    }
    asked = {"version": 1, "message_imprint": imprint, "nonce": nonce, "cert_req": True}
    query: bytes = tsp.TimeStampReq(asked).dump()
    return query
