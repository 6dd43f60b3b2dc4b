"""The signing key of a demo, made at its first start; it says that it has no legal value."""

from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.keystore.certificates import certificate_for, key_usage, name_of
from adapters.keystore.files import CERTIFICATE, CHAIN, KEY, alone, write
from adapters.keystore.signer import SoftwareKeystore
from core.settings import DEMO_MARKER

DEMO_NAME = "DEMO – không có giá trị pháp lý"

_LIFE = timedelta(days=3650)


def ensure_demo_keystore(folder: Path, agency_name: str) -> SoftwareKeystore:
    """The keystore of a demo, made the first time: a root of its own and a certificate below it.

    The certificate's name says that it has no legal value, and a marker in the folder keeps a
    production start away from it. The root's key is thrown away once it has signed. Processes that
    start at once get the same key; one that is killed meanwhile leaves nothing half made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with alone(folder / ".lock"):
        if not (folder / KEY).exists():
            _write_demo(folder, agency_name)
    return SoftwareKeystore.load(folder)


def _write_demo(folder: Path, agency_name: str) -> None:
    # P-256: a signature costs a tenth of RSA-2048's, and xmlsec1 and pdfsig accept both.
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = name_of("DEMO – chứng thư gốc", agency_name)
    root = (
        certificate_for(root_name, root_name, root_key.public_key(), _LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(for_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = (
        certificate_for(name_of(DEMO_NAME, agency_name), root_name, key.public_key(), _LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(for_certificates=False), critical=True)
        .add_extension(authority, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    write(folder / DEMO_MARKER, b"", 0o644)
    write(folder / CHAIN, root.public_bytes(Encoding.PEM), 0o644)
    write(folder / CERTIFICATE, leaf.public_bytes(Encoding.PEM), 0o644)
    # The key comes last: where it is, the rest is too.
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write(folder / KEY, secret, 0o600)
