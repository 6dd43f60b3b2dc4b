"""A signing key on a token or in a hardware module, reached through its PKCS#11 library.

The key never leaves it: what is to be signed goes there. To signxml and pyHanko it looks like a key
of `cryptography`; everything of such a key that a token cannot do is refused.
"""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pkcs11
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from pkcs11 import KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import PKCS11Error, UserAlreadyLoggedIn
from pkcs11.util.ec import encode_ecdsa_signature

from receipts.ports import KeyFault, SignerUnavailable

_TRIAL = b"lephi: does this key belong to its certificate?"


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where a key is: the library's file, the token's label, and the key's label on it."""

    module: str
    token: str
    key: str


def open_token_key(
    place: TokenPlace, pin: str | None, certificate: x509.Certificate
) -> "TokenRsaKey | TokenEcKey":
    """The key at a place, tried out once. Raises `KeyFault` where it is not the certificate's."""
    if not Path(place.module).is_file():
        raise KeyFault(f"There is no PKCS#11 library {place.module}.")
    public = certificate.public_key()
    key: TokenRsaKey | TokenEcKey
    if isinstance(public, rsa.RSAPublicKey):
        key = TokenRsaKey(_Token(place, pin, KeyType.RSA), public)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        key = TokenEcKey(_Token(place, pin, KeyType.EC), public)
    else:
        raise KeyFault("The certificate is for neither an RSA nor an elliptic-curve key.")
    try:
        _try_out(key)
    except SignerUnavailable as error:
        raise KeyFault(error.detail) from error
    except InvalidSignature as error:
        key.token.close()
        raise KeyFault("The key on the token does not belong to its certificate.") from error
    return key


def _try_out(key: "TokenRsaKey | TokenEcKey") -> None:
    """Raise `InvalidSignature` where the certificate's key does not take what the token makes."""
    algorithm = hashes.SHA256()
    if isinstance(key, TokenRsaKey):
        signature = key.sign(_TRIAL, padding.PKCS1v15(), algorithm)
        key.public_key().verify(signature, _TRIAL, padding.PKCS1v15(), algorithm)
    else:
        signature = key.sign(_TRIAL, ec.ECDSA(algorithm))
        key.public_key().verify(signature, _TRIAL, ec.ECDSA(algorithm))


class _Token:
    """A session with a token, opened when it is needed and again after it was lost.

    One at a time signs: a PKCS#11 session does one thing.
    """

    def __init__(self, place: TokenPlace, pin: str | None, kind: KeyType) -> None:
        self._place, self._pin, self._kind = place, pin, kind
        self._key: Any = None
        self._session: Any = None
        self._alone = threading.Lock()

    def __repr__(self) -> str:
        return f"_Token({self._place!r})"

    def sign(self, data: bytes, mechanism: Mechanism) -> bytes:
        """What the token makes of `data`. Raises `SignerUnavailable`."""
        with self._alone:
            try:
                if self._key is None:
                    self._open()
                signature: bytes = self._key.sign(data, mechanism=mechanism)
                return signature
            except (PKCS11Error, RuntimeError) as error:
                self._close()
                where = f"token {self._place.token}, key {self._place.key}"
                # A library's own message may hold what it was given: only its kind is told.
                raise SignerUnavailable(f"{where}: {type(error).__name__}.") from error

    def close(self) -> None:
        """End the session; the next signature opens another."""
        with self._alone:
            self._close()

    def _open(self) -> None:
        library = pkcs11.lib(self._place.module)
        token = library.get_token(token_label=self._place.token)
        try:
            self._session = token.open(user_pin=self._pin)
        except UserAlreadyLoggedIn:  # a process logs in once, however many sessions it has
            self._session = token.open()
        self._key = self._session.get_key(
            object_class=ObjectClass.PRIVATE_KEY, key_type=self._kind, label=self._place.key
        )

    def _close(self) -> None:
        session, self._session, self._key = self._session, None, None
        if session is not None:
            try:
                session.close()
            except PKCS11Error:
                return  # it was lost, which is why it is closed


class TokenRsaKey(rsa.RSAPrivateKey):
    """An RSA key on a token; it signs, PKCS#1 v1.5 with SHA-256, and does nothing else."""

    def __init__(self, token: _Token, public: rsa.RSAPublicKey) -> None:
        self.token, self._public = token, public

    @property
    def key_size(self) -> int:
        """Bits of the modulus."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """The key of its certificate."""
        return self._public

    def sign(
        self, data: Any, padding: Any, algorithm: hashes.HashAlgorithm | Prehashed | Any
    ) -> bytes:
        """Raises `SignerUnavailable`."""
        if padding.name != "EMSA-PKCS1-v1_5" or not isinstance(algorithm, hashes.SHA256):
            _refuse()
        return self.token.sign(bytes(data), Mechanism.SHA256_RSA_PKCS)

    def decrypt(self, ciphertext: Any, padding: Any) -> bytes:
        """Never: the key is for signing."""
        _refuse()

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:
        """Never: the key stays where it is."""
        _refuse()

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        """Never: the key stays where it is."""
        _refuse()

    def __copy__(self) -> "TokenRsaKey":
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> "TokenRsaKey":
        return self


class TokenEcKey(ec.EllipticCurvePrivateKey):
    """An elliptic-curve key on a token; it signs SHA-256 digests and does nothing else."""

    def __init__(self, token: _Token, public: ec.EllipticCurvePublicKey) -> None:
        self.token, self._public = token, public

    @property
    def curve(self) -> ec.EllipticCurve:
        """The curve of its certificate's key."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits of the curve."""
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The key of its certificate."""
        return self._public

    def sign(self, data: Any, signature_algorithm: Any) -> bytes:
        """Raises `SignerUnavailable`."""
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            _refuse()
        digest = hashlib.sha256(bytes(data)).digest()
        signature: bytes = encode_ecdsa_signature(self.token.sign(digest, Mechanism.ECDSA))
        return signature

    def exchange(self, algorithm: Any, peer_public_key: Any) -> bytes:
        """Never: the key is for signing."""
        _refuse()

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:
        """Never: the key stays where it is."""
        _refuse()

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """Never: the key stays where it is."""
        _refuse()

    def __copy__(self) -> "TokenEcKey":
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> "TokenEcKey":
        return self


def _refuse() -> NoReturn:
    raise KeyFault("A key on a token signs SHA-256 and does nothing else.")
