import os
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.crypto import (
    Cipher,
    DecryptionFailed,
    KeyFileRefused,
    hash_token,
    load_or_create_key,
    new_token,
    write_private,
)
from core.references import ALPHABET

CIPHER = Cipher(bytes(range(32)))
PLAIN = "Nguyễn Văn A".encode()
CONTEXT = "payer:bill_1"


def test_what_is_encrypted_is_decrypted_in_its_context() -> None:
    assert CIPHER.decrypt(CIPHER.encrypt(PLAIN, CONTEXT), CONTEXT) == PLAIN
    assert CIPHER.decrypt(CIPHER.encrypt(b"", ""), "") == b""


def test_the_ciphertext_hides_the_plain_text_and_never_repeats() -> None:
    sealed = {CIPHER.encrypt(PLAIN, CONTEXT) for _ in range(100)}
    assert len(sealed) == 100
    assert not any(PLAIN in one for one in sealed)


def test_a_ciphertext_does_not_decrypt_in_another_place() -> None:
    with pytest.raises(DecryptionFailed):
        CIPHER.decrypt(CIPHER.encrypt(PLAIN, CONTEXT), "payer:bill_2")


def test_a_ciphertext_does_not_decrypt_under_another_key() -> None:
    with pytest.raises(DecryptionFailed):
        Cipher(bytes(32)).decrypt(CIPHER.encrypt(PLAIN, CONTEXT), CONTEXT)


def test_one_changed_bit_anywhere_is_detected() -> None:
    sealed = CIPHER.encrypt(PLAIN, CONTEXT)
    for position in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[position] ^= 1 << bit
            with pytest.raises(DecryptionFailed):
                CIPHER.decrypt(bytes(changed), CONTEXT)


def test_a_cut_ciphertext_is_refused() -> None:
    sealed = CIPHER.encrypt(PLAIN, CONTEXT)
    for length in range(len(sealed)):
        with pytest.raises(DecryptionFailed):
            CIPHER.decrypt(sealed[:length], CONTEXT)


def test_a_failed_decryption_says_nothing_of_the_content() -> None:
    with pytest.raises(DecryptionFailed) as caught:
        CIPHER.decrypt(CIPHER.encrypt(PLAIN, CONTEXT), "elsewhere")
    assert caught.value.__suppress_context__
    assert CONTEXT not in str(caught.value)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Cipher(bytes(size))


def test_the_key_is_in_no_repr() -> None:
    assert "0102" not in repr(CIPHER)
    assert repr(bytes(range(32))) not in repr(vars(CIPHER))


def test_a_token_has_the_bits_asked_for_and_is_new_each_time() -> None:
    assert len(new_token()) == 52
    assert len(new_token(60)) == 12
    assert len(new_token(61)) == 13
    tokens = {new_token(60) for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert set("".join(tokens)) == set(ALPHABET)
    with pytest.raises(ValueError, match="bit"):
        new_token(0)


def test_a_token_is_stored_as_its_sha256() -> None:
    # FIPS 180-2, appendix B.1
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_key_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "field.key"
    key = load_or_create_key(path)
    assert len(key) == 32
    assert load_or_create_key(path) == key == path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["field.key"]


@pytest.mark.parametrize("mask", [0o000, 0o277])
def test_a_key_is_private_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        load_or_create_key(tmp_path / "open.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "open.key").stat().st_mode) == 0o600


def test_two_keys_differ(tmp_path: Path) -> None:
    assert load_or_create_key(tmp_path / "a") != load_or_create_key(tmp_path / "b")


def test_of_many_that_start_at_once_all_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_or_create_key(tmp_path / "field.key"), range(16)))
    assert len(set(keys)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["field.key"]


def test_a_symbolic_link_is_refused_whether_or_not_it_leads_anywhere(tmp_path: Path) -> None:
    real = tmp_path / "real.key"
    load_or_create_key(real)
    (tmp_path / "link.key").symlink_to(real)
    (tmp_path / "dangling.key").symlink_to(tmp_path / "planted.key")
    for name in ("link.key", "dangling.key"):
        with pytest.raises(KeyFileRefused):
            load_or_create_key(tmp_path / name)
    assert not (tmp_path / "planted.key").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_key_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "field.key"
    load_or_create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileRefused, match="0600"):
        load_or_create_key(path)


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
def test_a_key_of_another_length_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "field.key"
    assert write_private(path, content)
    with pytest.raises(KeyFileRefused, match="32 bytes"):
        load_or_create_key(path)
    assert path.read_bytes() == content


def test_a_folder_or_a_pipe_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("folder", "pipe"):
        with pytest.raises(KeyFileRefused, match="plain file"):
            load_or_create_key(tmp_path / name)


def test_a_key_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "field.key"
    load_or_create_key(path)
    someone_else = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: someone_else)
    with pytest.raises(KeyFileRefused, match="another user"):
        load_or_create_key(path)


def test_nothing_private_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "signing.pem"
    assert write_private(path, b"first")
    assert not write_private(path, b"second")
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["signing.pem"]


def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "field.key", b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_cipher_goes_to_a_helper_process_whole() -> None:
    cipher = Cipher(b"k" * 32)
    sent = pickle.loads(pickle.dumps(cipher))  # noqa: S301  our own
    assert cipher.decrypt(sent.encrypt(b"loi", "line:1"), "line:1") == b"loi"
