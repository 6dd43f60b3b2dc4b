"""An authority that certifies signing keys, as a body's own would."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from adapters.keystore.certificates import certificate_for, key_usage, name_of

LIFE = timedelta(days=30)


class Authority:
    """Somebody who certifies keys: a root, and one below it that does the work."""

    def __init__(self) -> None:
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
        root_key, self._key = keys
        names = [name_of(one, "Ban Cơ yếu") for one in ("Gốc", "Trung gian")]
        self.chain = [
            certificate_for(names[place], names[0], keys[place].public_key(), LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(key_usage(for_certificates=True), critical=True)
            .sign(root_key, hashes.SHA256())
            for place in (1, 0)
        ]

    def certify(self, key: Any, name: str = "Sở Tư pháp", life: timedelta = LIFE) -> bytes:
        subject = name_of(name, name)
        made = (
            certificate_for(subject, self.chain[0].subject, key.public_key(), life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(for_certificates=False), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(Encoding.PEM)

    def files(
        self, place: Path, name: str = "Sở Tư pháp", secret: bytes | None = None
    ) -> list[object]:
        """Options that name a key of one's own, its certificate and its chain."""
        key = ec.generate_private_key(ec.SECP256R1())
        shut = BestAvailableEncryption(secret) if secret else NoEncryption()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, shut)
        chain = b"".join(one.public_bytes(Encoding.PEM) for one in self.chain)
        options: list[object] = []
        for option, text in (
            ("--key", pem),
            ("--certificate", self.certify(key, name)),
            ("--chain", chain),
        ):
            path = place / f"{name}{option}.pem"
            path.write_bytes(text)
            options += [option, path]
        return options
