"""The folder that holds a signing key: what is in it, who may look in, and how it is changed.

`signing-key.pem` is the key (PKCS#8, encrypted or not) or `token.json` says on which token it is;
`signing.pem` is its certificate, `chain.pem` those above it, the root last. `earlier.pem` keeps the
certificates of keys that have been replaced, so that what they signed can still be checked.

A change replaces several files at once. They are put ready in a folder that is then named `next`:
that is the moment of the change, and whoever is killed after it leaves the rest to the next reader.
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from adapters.keystore.token import TokenPlace, open_token_key
from receipts.ports import KeyFault

KEY, CERTIFICATE, CHAIN = "signing-key.pem", "signing.pem", "chain.pem"
TOKEN, EARLIER, REQUEST = "token.json", "earlier.pem", "signing.csr"

_NEXT, _NAMES = "next", "names.json"
_HELP = "make one with `lephi key create`, or take yours in with `lephi key import`"

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key with its certificate and those above it; the key is in no repr."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate
    chain: Sequence[x509.Certificate]


def read_folder(folder: Path, secret: str | None = None) -> SigningKey:
    """The key in a folder. Raises `KeyFault` for one that is missing, open to others or unfit."""
    _settle(folder)
    if not is_there(folder):
        raise KeyFault(f"There is no signing key in {folder}: {_HELP}.")
    check_private(folder)
    on_token = (folder / TOKEN).exists()
    key = None if on_token else read_key(_bytes(folder / KEY), secret, folder / KEY)
    certificate = read_certificates(_bytes(folder / CERTIFICATE), folder / CERTIFICATE)[0]
    if key is None:
        key = open_token_key(_place(folder / TOKEN), secret, certificate)
    chain: list[x509.Certificate] = []
    if (folder / CHAIN).exists():
        chain = read_certificates(_bytes(folder / CHAIN), folder / CHAIN)
    return SigningKey(key, certificate, chain)


def is_there(folder: Path) -> bool:
    """Whether a key has been made or taken in."""
    return any(
        (place / name).exists() for place in (folder, folder / _NEXT) for name in (KEY, TOKEN)
    )


def check_private(folder: Path) -> None:
    """Raise `KeyFault` where anybody else may look into the folder or at its key."""
    for path in (folder, folder / KEY, folder / TOKEN):
        if path.exists() and path.stat().st_mode & 0o077:
            mode = "0700" if path is folder else "0600"
            raise KeyFault(f"{path} is open to others: make its mode {mode}.")


def read_key(pem: bytes, secret: str | None, place: object) -> PrivateKey:
    """A PEM key. Raises `KeyFault`; why in detail is left out, for it may quote the key."""
    password = None if not secret or b"ENCRYPTED" not in pem else secret.encode()
    try:
        key = load_pem_private_key(pem, password=password)
    except TypeError as error:
        detail = f"{place} is encrypted: give its passphrase in LEPHI_SIGNING_SECRET."
        raise KeyFault(detail) from error
    except ValueError as error:
        hint = " with the passphrase of LEPHI_SIGNING_SECRET" if password else ""
        raise KeyFault(f"{place} cannot be read as a key or certificate{hint}.") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise KeyFault(f"{place} is neither an RSA nor an elliptic-curve key.")
    return key


def read_certificates(pem: bytes, place: object) -> list[x509.Certificate]:
    """PEM certificates, at least one. Raises `KeyFault`."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise KeyFault(f"{place} cannot be read as a key or certificate.") from error


def trusted_certificates(folder: Path) -> bytes:
    """Every certificate that this folder's keys sign or have signed with, and those above, PEM."""
    found = [folder / name for name in (CERTIFICATE, CHAIN, EARLIER)]
    return b"".join(path.read_bytes() for path in found if path.is_file())


def put(folder: Path, files: Mapping[str, bytes], *, replacing: bool) -> None:
    """Make `files` the key of the folder, all of them at once.

    With `replacing` the certificates that were there stay among the earlier ones; without it a key
    that is there is a `KeyFault`. Processes that run keep the key they have until they start again.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_private(folder)
    with alone(folder / ".lock"):
        _finish(folder)
        if is_there(folder) and not replacing:
            raise KeyFault(
                f"There is a signing key in {folder}: replace it with `lephi key rotate`."
            )
        ready = dict(files)
        if earlier := trusted_certificates(folder):
            ready[EARLIER] = _without_doubles(earlier)
        draft = folder / f".{_NEXT}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        for name, content in ready.items():
            write(draft / name, content, 0o600 if name in (KEY, TOKEN) else 0o644)
        write(draft / _NAMES, json.dumps(sorted(ready)).encode(), 0o600)
        draft.rename(folder / _NEXT)
        _finish(folder)


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a file so that it is there whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Keep other processes out until the block ends; a killed process lets go by itself."""
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _settle(folder: Path) -> None:
    """Finish a change that was broken off."""
    if (folder / _NEXT).exists():
        with alone(folder / ".lock"):
            _finish(folder)


def _finish(folder: Path) -> None:
    """Move what is ready into its place; what it does not name of the old key goes.

    Broken off anywhere, it goes on from there: the list goes last, when all the rest has moved.
    """
    ready = folder / _NEXT
    if not ready.exists():
        return
    if (ready / _NAMES).exists():
        names = json.loads((ready / _NAMES).read_bytes())
        for name in {KEY, TOKEN, CERTIFICATE, CHAIN, REQUEST} - set(names):
            (folder / name).unlink(missing_ok=True)
        for name in names:
            if (ready / name).exists():
                (ready / name).replace(folder / name)
        (ready / _NAMES).unlink()
    ready.rmdir()


def _without_doubles(pem: bytes) -> bytes:
    certificates = dict.fromkeys(x509.load_pem_x509_certificates(pem))
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def _place(path: Path) -> TokenPlace:
    try:
        return TokenPlace(**json.loads(_bytes(path)))
    except (ValueError, TypeError) as error:
        raise KeyFault(f"{path} does not say where a key is.") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFault(f"{path} cannot be read as a key or certificate.") from error
