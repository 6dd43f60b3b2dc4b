"""Encryption of stored fields, key files, and tokens.

What is encrypted here is personal data and gateway credentials at rest. The primitives are those
of the `cryptography` library; nothing is invented.
"""

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretBytes

from core.errors import LephiError
from core.references import ALPHABET

KEY_SIZE = 32

_NONCE_SIZE = 12
_TAG_SIZE = 16
#: First byte of every ciphertext: names the scheme, so that another can follow one day.
_AES_256_GCM = b"\x01"


class DecryptionFailed(LephiError):
    """Stored data cannot be decrypted: another key, another context, or it was changed."""

    code = "decryption_failed"


class KeyFileRefused(LephiError):
    """A key file is not safe to use: put its owner, mode and size right, or restore it."""

    code = "key_file_refused"


class Cipher:
    """AES-256-GCM under one key, each ciphertext bound to the context it was made for.

    The context says where the value lives (`payer:bill_…`): a ciphertext copied into another row
    does not decrypt there. Nonces are random, which is sound for some 2^32 values per key.
    """

    def __init__(self, key: bytes) -> None:
        """Raises ValueError unless `key` has 32 bytes."""
        if len(key) != KEY_SIZE:
            raise ValueError(f"a key has {KEY_SIZE} bytes")
        # Of a type that shows itself nowhere.
        self._key = SecretBytes(key)
        self._aead = AESGCM(key)

    def __reduce__(self) -> tuple[type["Cipher"], tuple[bytes]]:
        """How it goes to a helper process of ours, over a pipe that nobody else reads."""
        return Cipher, (self._key.get_secret_value(),)

    def encrypt(self, plain: bytes, context: str) -> bytes:
        """`plain` as scheme byte, nonce, ciphertext and tag: 29 bytes longer."""
        nonce = os.urandom(_NONCE_SIZE)
        return _AES_256_GCM + nonce + self._aead.encrypt(nonce, plain, context.encode())

    def decrypt(self, sealed: bytes, context: str) -> bytes:
        """What `encrypt` was given for this context. Raises `DecryptionFailed`."""
        if sealed[:1] != _AES_256_GCM or len(sealed) < 1 + _NONCE_SIZE + _TAG_SIZE:
            raise DecryptionFailed("This is no ciphertext of ours.")
        nonce, body = sealed[1 : 1 + _NONCE_SIZE], sealed[1 + _NONCE_SIZE :]
        try:
            return self._aead.decrypt(nonce, body, context.encode())
        except InvalidTag:
            detail = "Stored data does not decrypt: wrong key, wrong place, or changed."
            raise DecryptionFailed(detail) from None


def new_token(bits: int = 256) -> str:
    """A secret of `bits` random bits, rounded up to whole characters of five.

    Written in the alphabet of references, so it can be read out and typed: 60 bits are 12
    characters. Raises ValueError unless `bits` is positive.
    """
    if bits < 1:
        raise ValueError("a token has at least one bit")
    return "".join([ALPHABET[byte & 31] for byte in secrets.token_bytes(-(-bits // 5))])


def hash_token(token: str) -> str:
    """SHA-256 of a token in hex, for storage: tokens are random, so no salt or stretching."""
    return hashlib.sha256(token.encode()).hexdigest()


def keyed_hash(key: bytes, content: bytes) -> str:
    """HMAC-SHA256 in hex: shows that contents are equal; guessing them needs the key."""
    return hmac.digest(key, content, "sha256").hex()


def load_or_create_key(path: Path, size: int = KEY_SIZE) -> bytes:
    """The `size` random bytes kept at `path`, made at the first call with mode 0600.

    The file appears complete or not at all, and of several processes starting at once the first
    wins. Raises `KeyFileRefused` for a symbolic link, anything that is no plain file, a file of
    another user (root may read any), a mode that lets others in, or another size.
    """
    try:
        return _read_key(path, size)
    except FileNotFoundError:
        write_private(path, secrets.token_bytes(size))
    return _read_key(path, size)


def write_private(path: Path, content: bytes) -> bool:
    """Create `path` with mode 0600, complete and on disk; whether it was this call that did.

    An existing file is left alone and gives False: nothing secret is ever overwritten. Missing
    folders are made with mode 0700.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)  # whatever the umask is
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            # Unlike rename, link refuses a name that exists: a link or a file put there first.
            path.hardlink_to(draft)
        except FileExistsError:
            return False
    finally:
        draft.unlink()
    _sync_folder(path.parent)
    return True


def _read_key(path: Path, size: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        detail = f"The key file {path} cannot be opened: {error.strerror}."
        raise KeyFileRefused(detail) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileRefused(f"The key file {path} is not a plain file.")
        if os.geteuid() not in (status.st_uid, 0):
            raise KeyFileRefused(f"The key file {path} belongs to another user.")
        if status.st_mode & 0o077:
            raise KeyFileRefused(f"The key file {path} is open to others: make its mode 0600.")
        key = os.read(descriptor, size + 1)
    finally:
        os.close(descriptor)
    if len(key) != size:
        raise KeyFileRefused(f"The key file {path} does not hold {size} bytes.")
    return key


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
