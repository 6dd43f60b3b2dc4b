"""Making, taking in and replacing the key that receipts are signed with.

A key is checked as a whole before anything is written: that it belongs to its certificate, that the
certificate may sign and has not ended, and that each above it signed the one below. With `waiting`
it is put beside the one in force, and signs nothing before a second person has approved it.
"""

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from adapters.keystore.certificates import request_for, self_signed
from adapters.keystore.files import (
    CERTIFICATE,
    CHAIN,
    KEY,
    REQUEST,
    TOKEN,
    PrivateKey,
    put,
    read_certificates,
    read_folder,
    read_key,
)
from adapters.keystore.signer import SoftwareKeystore
from adapters.keystore.token import TokenPlace, open_token_key
from adapters.keystore.waiting import put_aside
from core import clock
from receipts.ports import KeyFault

LIFE = timedelta(days=3 * 365)


def create_key(
    folder: Path,
    organization: str,
    *,
    secret: str | None,
    rsa_bits: int | None = None,
    life: timedelta = LIFE,
    replacing: bool = False,
    waiting: bool = False,
) -> x509.Certificate:
    """Make a key with a certificate that it signs itself, and a request for an authority's.

    An elliptic-curve key (P-256), or RSA of some bits; encrypted where a `secret` is given. Raises
    `KeyFault` where there is a key already, unless it is `replacing` that one.
    """
    key: PrivateKey
    if rsa_bits is None:
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65537, rsa_bits)
    certificate = self_signed(key, organization, life)
    files = {
        KEY: _pem(key, secret),
        CERTIFICATE: certificate.public_bytes(Encoding.PEM),
        REQUEST: request_for(key, organization).public_bytes(Encoding.PEM),
    }
    _keep(folder, files, replacing=replacing, waiting=waiting)
    return certificate


def import_key(
    folder: Path,
    key_pem: bytes | None,
    certificate_pem: bytes,
    chain_pem: bytes | None,
    *,
    secret: str | None,
    replacing: bool = False,
    waiting: bool = False,
) -> x509.Certificate:
    """Take in a key (PKCS#8, kept encrypted if it is) with its certificates.

    Without `key_pem` the certificate is an authority's for the key that is there, and takes the
    place of the one it has. Raises `KeyFault` for what does not fit together.
    """
    certificates = read_certificates(certificate_pem, "the certificate file")
    chain = certificates[1:]
    if chain_pem is not None:
        chain += read_certificates(chain_pem, "the chain file")
    files = certificate_files(certificates[0], chain)
    if key_pem is not None:
        key = read_key(key_pem, secret, "the key file")
        files[KEY] = key_pem
    else:
        key = read_folder(folder, secret).key
        name = TOKEN if (folder / TOKEN).exists() else KEY
        files[name] = (folder / name).read_bytes()
    check_fit(key, certificates[0], chain)
    _keep(folder, files, replacing=replacing or key_pem is None, waiting=waiting)
    return certificates[0]


def import_token_key(
    folder: Path,
    place: TokenPlace,
    certificate_pem: bytes,
    chain_pem: bytes | None,
    *,
    secret: str | None,
    replacing: bool = False,
    waiting: bool = False,
) -> x509.Certificate:
    """Take in a key that is on a token: where it is, and its certificates. `secret` is its PIN.

    Raises `KeyFault` where the token cannot be reached or the key is not the certificate's.
    """
    certificates = read_certificates(certificate_pem, "the certificate file")
    chain = certificates[1:]
    if chain_pem is not None:
        chain += read_certificates(chain_pem, "the chain file")
    key = open_token_key(place, secret, certificates[0])
    try:
        check_fit(key, certificates[0], chain)
    finally:
        key.token.close()
    files = certificate_files(certificates[0], chain)
    files[TOKEN] = json.dumps(asdict(place)).encode()
    _keep(folder, files, replacing=replacing, waiting=waiting)
    return certificates[0]


def _keep(folder: Path, files: dict[str, bytes], *, replacing: bool, waiting: bool) -> None:
    if waiting:
        put_aside(folder, files)
    else:
        put(folder, files, replacing=replacing)


def certificate_files(
    certificate: x509.Certificate, chain: list[x509.Certificate]
) -> dict[str, bytes]:
    """The files of a certificate and of those above it."""
    files = {CERTIFICATE: certificate.public_bytes(Encoding.PEM)}
    if chain:
        files[CHAIN] = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    return files


def check_fit(
    key: PrivateKey, certificate: x509.Certificate, chain: list[x509.Certificate]
) -> None:
    """Raise `KeyFault` where the three do not belong together or cannot sign today."""
    SoftwareKeystore(key, certificate, chain)  # says whether the key is the certificate's
    if not certificate.not_valid_before_utc <= clock.now() <= certificate.not_valid_after_utc:
        raise KeyFault("The certificate is not valid today.")
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    except ValueError as error:
        raise KeyFault("The certificate cannot be read in full.") from error
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise KeyFault("The certificate is not for signing documents.")
    for below, above in zip([certificate, *chain], chain, strict=False):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise KeyFault("The chain must go up from the certificate, the root last.") from error


def _pem(key: PrivateKey, secret: str | None) -> bytes:
    encryption = BestAvailableEncryption(secret.encode()) if secret else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
