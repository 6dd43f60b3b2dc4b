"""Anchors: the end of the audit chain, signed and kept where the database's owner does not reach.

Whoever owns the database can take the newest rows away together with their entries and links, and
what is left agrees with itself. An anchor says how long the chain was on a day, the hash of its
last link, and how far each series of receipts had counted. It is a file in a folder (best of
another machine) and a letter, where a mail server is named; `lephi invariants` holds the database
against every anchor that it is given. Where a time stamp authority is named (RFC 3161), its answer
about the file's bytes lies beside it: the time is then not our word alone. Without an answer an
anchor stands as it would without an authority, and the authority is asked again.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from adapters.keystore.signer import SoftwareKeystore
from adapters.mail import MailServer
from adapters.timestamps import StampRefused, StampUnavailable, TimestampAuthority
from core import audit, clock, log
from core.db import Database
from core.errors import Invalid
from core.json import canonical
from core.sessions import ReadSession
from receipts.queries import list_series

_FORMAT = "lephi-anchor-1"
_SUFFIX = ".anchor.json"
_STAMP = ".tsr"
#: So many of the newest anchors are stamped later, where the authority was away.
_LATE = 3
#: So far ahead of its stamp an anchor's own time may be: the two clocks are not one.
_AHEAD = timedelta(minutes=5)

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Anchor:
    """What was so at a moment; `series` are the last numbers by the series' ids."""

    at: datetime
    seq: int
    hash: str
    series: dict[str, int]

    def said(self) -> bytes:
        """What is signed."""
        return canonical(
            {
                "format": _FORMAT,
                "at": self.at.isoformat(),
                "seq": self.seq,
                "hash": self.hash,
                "series": self.series,
            }
        )


@dataclass(frozen=True, slots=True)
class AnchorPlaces:
    """Where anchors go, and how often; `mail` and `mail_to` together or not at all."""

    folder: Path
    every: timedelta
    signer: SoftwareKeystore = field(repr=False)
    mail: MailServer | None
    mail_to: str | None
    authority: TimestampAuthority | None = None


async def drop_anchor(database: Database, places: AnchorPlaces) -> Path | None:
    """Write an anchor of now, and send it; its file. None where nothing was chained yet.

    Raises `MailUnavailable` once the file is there, and OSError where the folder takes none.
    """
    async with database.reading() as session:
        head = await audit.find_head(session)
        if head is None:
            return None
        series = {one.id: one.last_number for one in await list_series(session)}
    anchor = Anchor(clock.now().replace(microsecond=0), head.seq, head.hash.hex(), series)
    path, written = await asyncio.to_thread(_keep, anchor, places)
    await stamp_anchors(places)
    await asyncio.to_thread(_mail, anchor, path.name, written, places)
    return path


async def stamp_anchors(places: AnchorPlaces) -> int:
    """Have the newest anchors stamped that are not yet; how many were.

    An authority that gives none is an alert, and nothing else: no anchor waits for it.
    """
    stamped = 0
    if places.authority is None:
        return stamped
    for path in anchor_files(places.folder)[-_LATE:]:
        if stamp_of(path).exists():
            continue
        try:
            stamp = await places.authority.stamp(path.read_bytes())
        except StampUnavailable as error:
            _log.error("anchor without a time stamp", anchor=path.name, reason=error.detail)
            continue
        await asyncio.to_thread(_write, stamp_of(path), stamp)
        stamped += 1
    return stamped


def stamp_of(path: Path) -> Path:
    """Where an anchor's time stamp lies, if there is one."""
    return path.with_name(path.name.removesuffix(_SUFFIX) + _STAMP)


def is_due(places: AnchorPlaces) -> bool:
    """Whether the newest anchor in the folder is old enough for another one."""
    files = anchor_files(places.folder)
    return not files or due(files[-1], places.every)


def due(newest: Path, every: timedelta) -> bool:
    """Whether the newest anchor is as old as they may become."""
    return newest.name < _name(clock.now() - every, 0)


def _name(at: datetime, seq: int) -> str:
    return f"{at:%Y%m%dT%H%M%SZ}-{seq:012d}{_SUFFIX}"


def _keep(anchor: Anchor, places: AnchorPlaces) -> tuple[Path, bytes]:
    signature = places.signer.sign_bytes(anchor.said())
    document = {
        "said": json.loads(anchor.said()),
        "signature": base64.b64encode(signature).decode(),
        "certificate": places.signer.certificate_pem.decode(),
    }
    written = json.dumps(document, indent=1).encode()
    places.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = places.folder / _name(anchor.at, anchor.seq)
    _write(path, written)
    return path, written


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(path)


def _mail(anchor: Anchor, name: str, written: bytes, places: AnchorPlaces) -> None:
    if places.mail is not None and places.mail_to is not None:
        words = (
            f"Audit chain: link {anchor.seq}, hash {anchor.hash}, at {anchor.at.isoformat()}.\n"
            "Keep this letter: lephi invariants --anchor FILE holds the database against it.\n"
        )
        subject = f"Lephi anchor {anchor.seq}"
        places.mail.send(places.mail_to, subject, words, name, written)


def anchor_files(folder: Path) -> list[Path]:
    """The anchors in a folder, the oldest first."""
    return sorted(folder.glob(f"*{_SUFFIX}"))


async def differences(
    session: ReadSession,
    files: Sequence[Path],
    certificates: bytes,
    authority: TimestampAuthority | None = None,
) -> AsyncIterator[str]:
    """A line for each thing that an anchor says otherwise than the database, or than its stamp."""
    counted = {one.id: one for one in await list_series(session)}
    for file in files:
        try:
            anchor = _read(file.read_bytes(), certificates)
        except Invalid as error:
            yield f"an anchor is ours: {file.name} ({error.detail})"
            continue
        if fault := await _unlike_stamp(anchor, file, authority):
            yield f"an anchor is as old as it says: {file.name} ({fault})"
        when = f"anchored at {anchor.at:%Y-%m-%d %H:%M} UTC"
        link = await audit.find_link(session, anchor.seq)
        if link is None:
            yield f"what was anchored is there: audit link {anchor.seq}, {when}, is gone"
        elif link.hash.hex() != anchor.hash:
            yield f"what was anchored is there: audit link {anchor.seq} is not the one {when}"
        for series_id, number in anchor.series.items():
            known = counted.get(series_id)
            if known is None or known.last_number < number:
                last = "is gone" if known is None else f"has counted to {known.last_number}"
                name = series_id if known is None else known.symbol
                yield f"what was anchored is there: series {name} {last}, {number} {when}"


async def _unlike_stamp(
    anchor: Anchor, file: Path, authority: TimestampAuthority | None
) -> str | None:
    """What is wrong with an anchor's time stamp; None where it has none or is borne out by it."""
    if authority is None or not stamp_of(file).exists():
        return None
    stamp, content = await asyncio.to_thread(
        lambda: (stamp_of(file).read_bytes(), file.read_bytes())
    )
    try:
        stamped_at = await authority.check(stamp, content)
    except StampRefused as error:
        return f"its time stamp: {error.detail}"
    if anchor.at - stamped_at > _AHEAD:
        return f"it was stamped at {stamped_at:%Y-%m-%d %H:%M} UTC already"
    return None


def _read(content: bytes, certificates: bytes) -> Anchor:
    """An anchor that one of our certificates' keys has signed. Raises `Invalid`."""
    try:
        document: dict[str, Any] = json.loads(content)
        said = document["said"]
        anchor = Anchor(
            at=datetime.fromisoformat(said["at"]),
            seq=int(said["seq"]),
            hash=str(said["hash"]),
            series={str(name): int(number) for name, number in said["series"].items()},
        )
        signature = base64.b64decode(document["signature"], validate=True)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Invalid("it cannot be read", code="anchor_unreadable") from None
    if not any(_fits(one, signature, anchor.said()) for one in _keys(certificates)):
        raise Invalid("none of our keys has signed it", code="anchor_forged")
    return anchor


def _keys(certificates: bytes) -> Iterator[x509.Certificate]:
    yield from x509.load_pem_x509_certificates(certificates)


def _fits(certificate: x509.Certificate, signature: bytes, data: bytes) -> bool:
    key = certificate.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True
