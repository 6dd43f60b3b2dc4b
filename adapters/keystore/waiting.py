"""Keys that wait for a second person: each in a folder of its own beside the one in force.

A waiting key signs nothing. It is named by its certificate's fingerprint (SHA-256, hexadecimal),
which is what two people agree on.
"""

import shutil
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from adapters.keystore.files import CERTIFICATE, put, read_certificates
from receipts.ports import KeyFault

_WAITING = "waiting"
_DRAFT = "draft"


def fingerprint_of(certificate: x509.Certificate) -> str:
    """What a key is named by."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def put_aside(folder: Path, files: dict[str, bytes]) -> None:
    """Keep a key of these files (`put`) that is not to sign yet; the same one twice is one."""
    places = folder / _WAITING
    places.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = places / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    put(draft, files, replacing=False)
    (draft / ".lock").unlink()
    place = _place(folder, fingerprint_of(_certificate(draft)))
    shutil.rmtree(place, ignore_errors=True)
    draft.rename(place)


def find_waiting(folder: Path, fingerprint: str) -> x509.Certificate | None:
    """The certificate of a waiting key, None where there is no such key.

    Raises `KeyFault` where somebody has put another certificate in its place.
    """
    place = _place(folder, fingerprint)
    if not place.is_dir():
        return None
    found = _certificate(place)
    if fingerprint_of(found) != fingerprint:
        raise KeyFault(f"What waits in {place} is another certificate's key.")
    return found


def find_in_force(folder: Path) -> x509.Certificate | None:
    """The certificate of the key that signs, None where there is none.

    Its key is not opened: it may be the one that cannot be opened any more.
    """
    return _certificate(folder) if (folder / CERTIFICATE).exists() else None


def put_in_force(folder: Path, fingerprint: str) -> None:
    """Make a waiting key the one that signs; what it replaces stays trusted.

    Done twice is done once. Raises `KeyFault` where it does not wait and is not in force.
    """
    if find_waiting(folder, fingerprint) is None:
        known = find_in_force(folder)
        if known is None or fingerprint_of(known) != fingerprint:
            raise KeyFault(f"No key with the fingerprint {fingerprint} waits in {folder}.")
        return
    place = _place(folder, fingerprint)
    put(folder, {one.name: one.read_bytes() for one in place.iterdir()}, replacing=True)
    throw_away(folder, fingerprint)


def throw_away(folder: Path, fingerprint: str) -> None:
    """Let go of a waiting key, if it is there."""
    shutil.rmtree(_place(folder, fingerprint), ignore_errors=True)


def _place(folder: Path, fingerprint: str) -> Path:
    """Where a key waits. Raises `KeyFault` for what is no fingerprint: it becomes a path."""
    if len(fingerprint) != 64 or not set(fingerprint) <= set("0123456789abcdef"):
        raise KeyFault("This is no fingerprint of a certificate.")
    return folder / _WAITING / fingerprint


def _certificate(folder: Path) -> x509.Certificate:
    path = folder / CERTIFICATE
    try:
        return read_certificates(path.read_bytes(), path)[0]
    except OSError as error:
        raise KeyFault(f"{path} cannot be read.") from error
