"""The signing key is replaced when one person asks and another approves, and not otherwise."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from typer.testing import Result

from adapters.keystore.files import KEY, trusted_certificates
from adapters.keystore.keys import create_key
from adapters.keystore.signer import SoftwareKeystore
from adapters.keystore.waiting import find_in_force, find_waiting, put_in_force
from app.cli.doctor import _look
from core import failpoints
from core.db import Database
from core.settings import Settings
from receipts.ports import KeyFault
from receipts.signing import sign
from receipts.verification import verify
from tests.integration.test_cli_setting_up import WARD, rows
from tests.integration.test_cli_two_people import ADMIN, CHIEF, PASSWORD, Lephi, lephi
from tests.support.authority import Authority
from tests.support.receipts import content

__all__ = ["lephi"]

ASKED = ("key", "rotate", "--organization", "UBND phường Mới", "--by", ADMIN)
LATER = "--by EMAIL"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys" / "signing"


@pytest.fixture
def two(lephi: Lephi, folder: Path) -> Lephi:
    """A key in force, and a body whose two people decide."""
    lephi("key", "create", "--organization", "UBND phường Cũ")
    lephi("agency", "create", "--code", "phuong", *WARD, "--offers", "9.000001")
    for email, role in ((ADMIN, "admin"), (CHIEF, "chief")):
        lephi("user", "create", "--agency", "phuong", "--email", email, "--name", "Người Thử",
              "--role", role, "--password", PASSWORD)  # fmt: skip
    return lephi


def as_json(done: Result) -> Any:
    return json.loads(done.stdout)


def fingerprint_of(folder: Path) -> str:
    found = find_in_force(folder)
    assert found is not None
    return found.fingerprint(hashes.SHA256()).hex()


def waiting(folder: Path) -> list[str]:
    return sorted(one.name for one in (folder / "waiting").glob("*"))


def signer(folder: Path) -> str:
    """Whom a receipt names that is signed now, and whether the folder vouches for it."""
    found = verify(sign(content(), SoftwareKeystore.load(folder)).xml, trusted_certificates(folder))
    assert found.trusted
    return found.signer


def test_one_asks_the_other_approves_and_only_then_does_it_sign(
    two: Lephi, folder: Path, database_url: str
) -> None:
    old = fingerprint_of(folder)
    early = sign(content(), SoftwareKeystore.load(folder)).xml
    asked = as_json(two(*ASKED, "--reason", "hết hạn", "--json"))
    assert (asked["status"], asked["kind"]) == ("proposed", "change_signing_key")
    assert (asked["figures"]["signer"], asked["figures"]["replaces"]) == ("UBND phường Mới", old)
    assert waiting(folder) == [asked["object"]]
    assert signer(folder) == "UBND phường Cũ"
    same = two("approvals", "approve", asked["id"], "--by", ADMIN, code=1)
    assert "người thứ hai" in same.stderr
    assert signer(folder) == "UBND phường Cũ"
    two("approvals", "approve", asked["id"], "--by", CHIEF)
    assert signer(folder) == "UBND phường Mới"
    assert fingerprint_of(folder) == asked["object"]
    assert oct((folder / KEY).stat().st_mode & 0o777) == "0o600"
    assert verify(early, trusted_certificates(folder)).trusted
    assert waiting(folder) == []
    noted = rows(
        database_url,
        "SELECT action, object_id, details->>'approval' AS approval FROM audit_entry"
        " WHERE action LIKE 'signing_key.%' ORDER BY id",
    )
    assert noted == [
        {"action": "signing_key.created", "object_id": old, "approval": None},
        {
            "action": "signing_key.rotated",
            "object_id": asked["object"],
            "approval": asked["id"],
        },
    ]


def test_nobody_alone_replaces_it_in_any_way(
    two: Lephi, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fingerprint_of(folder)
    authority = Authority()
    own = tmp_path / "own.pem"
    own.write_bytes(authority.certify(SoftwareKeystore.load(folder)._key))
    for words in (
        ("rotate", "--organization", "Một mình"),
        ("rotate", *authority.files(tmp_path)),
        ("import", "--certificate", own),
    ):
        assert LATER in two("key", *words, code=1).stderr
    assert "Sai" in two(*ASKED, code=1, password="sai-mat-khau").stderr
    assert "quyền" in two(*ASKED[:-1], CHIEF, code=1).stderr  # a chief decides and does not ask
    assert (waiting(folder), fingerprint_of(folder)) == ([], old)
    # The negative control: where one person may, each of them replaces it.
    monkeypatch.setenv("LEPHI_TWO_PEOPLE", "false")
    two("key", "rotate", "--organization", "Một mình")
    assert signer(folder) == "Một mình"


def test_a_certificate_for_the_key_that_is_there_waits_as_well(
    two: Lephi, folder: Path, tmp_path: Path
) -> None:
    authority, key = Authority(), (folder / KEY).read_bytes()
    own = tmp_path / "own.pem"
    own.write_bytes(authority.certify(SoftwareKeystore.load(folder)._key))
    old = fingerprint_of(folder)
    asked = as_json(two("key", "import", "--certificate", own, "--by", ADMIN, "--json"))
    assert fingerprint_of(folder) == old
    two("approvals", "approve", asked["id"], "--by", CHIEF)
    assert fingerprint_of(folder) == asked["object"]
    assert (folder / KEY).read_bytes() == key


def test_what_is_rejected_is_thrown_away(two: Lephi, folder: Path) -> None:
    asked = as_json(two(*ASKED, "--json"))
    again = as_json(two(*ASKED, "--json"))
    two("approvals", "reject", asked["id"], "--by", CHIEF, "--reason", "không đúng tên")
    assert waiting(folder) == [again["object"]]
    two("approvals", "reject", again["id"], "--by", ADMIN, "--reason", "nhầm")
    assert waiting(folder) == []
    assert signer(folder) == "UBND phường Cũ"


def test_a_key_that_came_meanwhile_makes_what_was_asked_stale(two: Lephi, folder: Path) -> None:
    first, second = (as_json(two(*ASKED, "--json")) for _ in range(2))
    two("approvals", "approve", second["id"], "--by", CHIEF)
    stale = two("approvals", "approve", first["id"], "--by", CHIEF, code=1)
    assert "đã khác" in stale.stderr
    assert fingerprint_of(folder) == second["object"]


def test_what_waits_is_the_key_that_was_shown(two: Lephi, folder: Path) -> None:
    """Another key put into its folder meanwhile is refused: its fingerprint is not the name."""
    asked = as_json(two(*ASKED, "--json"))
    create_key(folder / "waiting" / asked["object"], "Kẻ gian", secret=None, replacing=True)
    refused = two("approvals", "approve", asked["id"], "--by", CHIEF, code=1)
    assert "another certificate" in refused.stderr
    with pytest.raises(KeyFault, match="another certificate"):
        put_in_force(folder, asked["object"])
    with pytest.raises(KeyFault, match="no fingerprint"):
        find_waiting(folder, "../../etc")
    assert signer(folder) == "UBND phường Cũ"


def test_an_approval_that_is_broken_off_is_given_again(
    two: Lephi, folder: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """Files are changed before the commit: whatever is killed there, both agree in the end."""
    asked = as_json(two(*ASKED, "--json"))

    def killed(name: str) -> None:
        raise failpoints_error(name)

    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "hit", killed)
        two("approvals", "approve", asked["id"], "--by", CHIEF, code=1)
    assert fingerprint_of(folder) == asked["object"]
    query = "SELECT count(*) AS n FROM audit_entry WHERE action = 'signing_key.rotated'"
    assert rows(database_url, query) == [{"n": 0}]
    assert doctor(database_url, folder)  # nobody's entry says how it came there
    refused = two("approvals", "reject", asked["id"], "--by", CHIEF, "--reason", "x", code=1)
    assert "đã được đưa vào dùng" in refused.stderr
    two("approvals", "approve", asked["id"], "--by", CHIEF)
    assert rows(database_url, query) == [{"n": 1}]
    assert not doctor(database_url, folder)


def failpoints_error(name: str) -> Exception:
    from core.errors import Unavailable

    return Unavailable(f"broken off at {name}")


def doctor(url: str, folder: Path) -> list[str]:
    """What the doctor says of the entry of the key."""

    async def told() -> list[str]:
        database = Database(url, pool_size=1)
        settings = Settings(mode="test", data_dir=folder.parents[1], two_people=True)
        found = await _look(database, settings)
        await database.dispose()
        return [one.detail for one in found if one.check == "signing key's entry"]

    return asyncio.run(told())


def test_a_key_that_is_put_there_by_hand_is_told_of(
    two: Lephi, folder: Path, database_url: str
) -> None:
    assert doctor(database_url, folder) == []
    create_key(folder, "Kẻ gian", secret=None, replacing=True)
    (told,) = doctor(database_url, folder)
    assert "no entry of the audit log" in told


def test_a_key_that_cannot_be_opened_any_more_is_replaced_by_two(two: Lephi, folder: Path) -> None:
    (folder / KEY).write_bytes(b"nothing")
    assert LATER in two("key", "rotate", "--organization", "Mới", code=1).stderr
    asked = as_json(two(*ASKED, "--json"))
    assert (
        "cannot be read" in two("approvals", "approve", asked["id"], "--by", CHIEF, code=1).stderr
    )
    same = two("key", "approve", asked["id"], "--by", ADMIN, code=1)
    assert "người thứ hai" in same.stderr
    two("key", "approve", asked["id"], "--by", CHIEF)
    assert signer(folder) == "UBND phường Mới"


def test_only_people_of_a_body_with_none_above_it_ask(two: Lephi, folder: Path) -> None:
    two("agency", "create", "--code", "to", *WARD)
    two("agency", "change", "--code", "to", "--parent", "phuong")
    below = "duoi@example.vn"
    new = ("--agency", "to", "--email", below, "--name", "Người Thử", "--role", "admin")
    made = as_json(two("user", "create", *new, "--by", ADMIN, "--json"))
    given = as_json(two("approvals", "approve", made["approval"]["id"], "--by", CHIEF, "--json"))
    password = f"{made['password_first_half']}-{given['told_once']['password_second_half']}"
    refused = two(*ASKED[:-1], below, code=1, password=password)
    assert "cấp trên cùng" in refused.stderr
    assert waiting(folder) == []
