"""The command line in production: alone while a body has not yet two people, and then no more."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli.doctor import _look
from app.cli.main import build
from core.db import Database
from core.settings import Settings
from tests.integration.test_cli_setting_up import PAYGOV, WARD, audited, fill, rows

Lephi = Callable[..., Result]
ADMIN, CHIEF = "quan-tri@example.vn", "truong@example.vn"
PASSWORD = "mat-khau-thu-nghiem"


@pytest.fixture
def lephi(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    asyncio.run(fill(database_url))
    monkeypatch.setenv("LEPHI_DATABASE_URL", database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LEPHI_TWO_PEOPLE", "true")
    (tmp_path / "paygov.json").write_text(json.dumps(PAYGOV))

    def run(*words: object, code: int = 0, password: str = PASSWORD) -> Result:
        monkeypatch.setenv("LEPHI_USER_PASSWORD", password)
        told = [str(word) for word in words]
        done = CliRunner().invoke(build(told[0]), told)
        assert done.exit_code == code, done.output
        return done

    return run


def as_json(done: Result) -> Any:
    return json.loads(done.stdout)


def account(lephi: Lephi, code: str, number: str, *more: object, status: int = 0) -> Result:
    return lephi("account", "create", "--agency", "phuong", "--code", code, "--kind", "treasury",
                 "--bank-bin", "970436", "--number", number, "--holder", "KBNN", *more,
                 code=status)  # fmt: skip


def gateway(lephi: Lephi, tmp_path: Path, *more: object, code: int = 0) -> Result:
    return lephi("gateway", "configure", "--agency", "phuong", "--name", "paygov",
                 "--account", "phuong", *more, code=code)  # fmt: skip


def user(lephi: Lephi, email: str, role: str, *more: object, code: int = 0) -> Result:
    return lephi("user", "create", "--agency", "phuong", "--email", email, "--name", "Người Thử",
                 "--role", role, *more, code=code)  # fmt: skip


def body_of_two(lephi: Lephi) -> None:
    """A body, its account, and two people; each made by the operator alone."""
    lephi("agency", "create", "--code", "phuong", *WARD, "--offers", "9.000001")
    account(lephi, "kbnn", "11133355")
    user(lephi, ADMIN, "admin", "--password", PASSWORD)
    user(lephi, CHIEF, "chief", "--password", PASSWORD)


def test_the_operator_sets_up_alone_until_there_are_two_and_says_so(
    lephi: Lephi, database_url: str, tmp_path: Path
) -> None:
    lephi("agency", "create", "--code", "phuong", *WARD, "--offers", "9.000001")
    made = account(lephi, "kbnn", "11133355")
    assert "not yet two people" in made.stderr
    assert "unconfirmed" in made.stdout
    file = ("--credentials", tmp_path / "paygov.json")
    new = ("--collection-account", "kbnn", "--base-url", "https://pay.example.vn")
    assert "not yet two people" in gateway(lephi, tmp_path, *new, *file).stderr
    user(lephi, ADMIN, "admin", "--password", PASSWORD)
    key = lephi("apikey", "create", "--agency", "phuong", "--label", "portal", "--json")
    assert as_json(key)["confirmed_at"] is not None
    assert "not yet two people" in user(lephi, CHIEF, "chief", "--password", PASSWORD).stderr
    actions = [row["action"] for row in audited(database_url)]
    assert {"account.created", "gateway.configured", "staff.created", "api_key.created"} <= {
        *actions
    }

    # From here on nothing of that is done by anybody alone.
    for refused in (
        account(lephi, "khac", "99988877", status=1),
        gateway(lephi, tmp_path, "--base-url", "https://evil.example.vn", code=1),
        gateway(lephi, tmp_path, *file, code=1),
        user(lephi, "ba@example.vn", "chief", code=1),
        lephi("apikey", "create", "--agency", "phuong", "--label", "x", code=1),
        lephi("agency", "change", "--code", "phuong", "--phone", "024 5555 6666", code=1),
    ):
        assert "--by EMAIL" in refused.stderr
    assert [row["action"] for row in audited(database_url)] == actions
    off = gateway(lephi, tmp_path, "--disabled")
    assert "Configured" in off.stdout


def test_an_account_of_one_person_is_confirmed_by_another(lephi: Lephi, database_url: str) -> None:
    body_of_two(lephi)
    (shown,) = as_json(lephi("account", "list", "--json"))
    assert shown["confirmed_at"] is None
    (asked,) = as_json(lephi("approvals", "list", "--status", "proposed", "--json"))
    assert (asked["kind"], asked["figures"]["number"]) == ("confirm_account", "11133355")
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    (shown,) = as_json(lephi("account", "list", "--json"))
    assert shown["confirmed_at"] is not None
    again = lephi("account", "confirm", "--code", "kbnn", "--by", ADMIN, code=1)
    assert "hai người" in again.stderr
    assert "account.confirmed" in [row["action"] for row in audited(database_url)]


def test_where_payers_are_sent_takes_two_people_as_the_account_itself_does(lephi: Lephi) -> None:
    lephi("agency", "create", "--code", "phuong", *WARD, "--offers", "9.000001")
    account(lephi, "kbnn", "11133355")
    alone = lephi("account", "virtual-prefix", "kbnn", "SB11")
    assert "not yet two people" in alone.stderr
    assert "unconfirmed" in alone.stdout
    user(lephi, ADMIN, "admin", "--password", PASSWORD)
    user(lephi, CHIEF, "chief", "--password", PASSWORD)
    assert "--by EMAIL" in lephi("account", "virtual-prefix", "kbnn", "SB12", code=1).stderr
    (waiting,) = as_json(lephi("approvals", "list", "--status", "proposed", "--json"))
    # What was to be confirmed is not what it is by now: nobody confirms it unseen.
    assert waiting["figures"]["virtual_prefix"] is None
    lephi("approvals", "approve", waiting["id"], "--by", CHIEF, code=1)
    lephi("approvals", "reject", waiting["id"], "--by", CHIEF, "--reason", "đã đổi đầu số")
    anew = as_json(lephi("account", "confirm", "--code", "kbnn", "--by", ADMIN, "--json"))
    assert anew["figures"]["virtual_prefix"] == "SB11"
    lephi("approvals", "approve", anew["id"], "--by", CHIEF)
    change = ("account", "virtual-prefix", "kbnn", "SB12", "--by", ADMIN, "--json")
    asked = as_json(lephi(*change))
    assert asked["figures"]["number"] == "11133355"
    said = [asked["figures"][when]["virtual_prefix"] for when in ("before", "after")]
    assert said == ["SB11", "SB12"]
    refused = lephi("approvals", "approve", asked["id"], "--by", ADMIN, code=1)
    assert "người thứ hai" in refused.stderr
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    (shown,) = as_json(lephi("account", "list", "--json"))
    assert shown["virtual_prefix"] == "SB12"


def test_one_asks_and_the_other_decides(lephi: Lephi, database_url: str, tmp_path: Path) -> None:
    body_of_two(lephi)
    asked = as_json(account(lephi, "khac", "99988877", "--by", ADMIN, "--json"))
    assert asked["status"] == "proposed"
    assert len(as_json(lephi("account", "list", "--json"))) == 1
    refused = lephi("approvals", "approve", asked["id"], "--by", ADMIN, code=1)
    assert "người thứ hai" in refused.stderr
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    by_code = {one["code"]: one for one in as_json(lephi("account", "list", "--json"))}
    assert by_code["khac"]["confirmed_at"] is not None
    assert by_code["kbnn"]["confirmed_at"] is None
    # A chief decides and does not ask.
    refused = account(lephi, "nua", "99988866", "--by", CHIEF, status=1)
    assert "quyền" in refused.stderr


def test_a_new_person_has_a_password_that_nobody_else_knows(lephi: Lephi) -> None:
    body_of_two(lephi)
    email = "moi@example.vn"
    made = as_json(user(lephi, email, "finance", "--by", ADMIN, "--json"))
    given = as_json(lephi("approvals", "approve", made["approval"]["id"], "--by", CHIEF, "--json"))
    first, second = made["password_first_half"], given["told_once"]["password_second_half"]
    own = ("apikey", "create", "--agency", "phuong", "--label", "của tôi", "--user", email)
    for half in (first, second):
        lephi(*own, "--by", email, code=1, password=half)
    key = as_json(lephi(*own, "--by", email, "--json", password=f"{first}-{second}"))
    assert key["confirmed_at"] is None
    lephi("approvals", "approve", key["approval"], "--by", ADMIN)
    other = lephi(*own, "--by", ADMIN, code=1)
    assert "--by and --user" in other.stderr


def test_a_lost_factor_and_a_sign_on_are_decided_by_two(
    lephi: Lephi, database_url: str, tmp_path: Path
) -> None:
    body_of_two(lephi)
    secret = tmp_path / "secret"
    secret.write_text("of the client\n")
    named = ("--agency", "phuong", "--client-id", "lephi", "--secret", secret)
    sign_on = ("sign-on", "configure", *named, "--issuer", "https://sso.example.vn")
    for alone in (("user", "reset-factor", CHIEF), sign_on):
        assert "--by EMAIL" in lephi(*alone, code=1).stderr
    plain = (*sign_on[:-1], "http://sso.example.vn")
    assert "https" in lephi(*plain, "--by", ADMIN, code=1).stderr
    for command, kind in ((("user", "reset-factor", CHIEF), "reset_factor"),
                          (sign_on, "configure_sign_on")):  # fmt: skip
        asked = as_json(lephi(*command, "--by", ADMIN, "--json"))
        assert (asked["kind"], asked["status"]) == (kind, "proposed")
        assert "of the client" not in json.dumps(asked)
        refused = lephi("approvals", "approve", asked["id"], "--by", CHIEF, code=kind[0] == "r")
        if kind == "reset_factor":  # it is the chief's own
            assert "Không ai tự" in refused.stderr
    told = {row["action"] for row in audited(database_url)}
    assert "sign_on.configured" in told
    assert "staff.factor_reset" not in told


def test_one_chooses_another_password(
    lephi: Lephi, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body_of_two(lephi)
    monkeypatch.setenv("LEPHI_USER_PASSWORD", PASSWORD)
    done = CliRunner().invoke(
        build("user"), ["user", "password", CHIEF], input="mat-khau-moi-cua-toi\n" * 2
    )
    assert done.exit_code == 0, done.output
    (asked,) = as_json(lephi("approvals", "list", "--status", "proposed", "--json"))
    lephi("approvals", "approve", asked["id"], "--by", CHIEF, code=1)
    lephi("approvals", "approve", asked["id"], "--by", CHIEF, password="mat-khau-moi-cua-toi")
    assert "staff.password_changed" in [row["action"] for row in audited(database_url)]


def test_who_moves_money_alone_leaves_an_account_in_doubt(
    lephi: Lephi, database_url: str, tmp_path: Path
) -> None:
    """A gateway's account and a unit's, too: whichever way money is sent elsewhere."""
    body_of_two(lephi)
    (asked,) = as_json(lephi("approvals", "list", "--status", "proposed", "--json"))
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    lephi("user", "disable", ADMIN)
    file = ("--credentials", tmp_path / "paygov.json", "--base-url", "https://pay.example.vn")
    gateway(lephi, tmp_path, *file, "--collection-account", "kbnn")
    assert confirmed(database_url) == {"kbnn": False}
    (asked,) = as_json(lephi("approvals", "list", "--status", "proposed", "--json"))
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    assert confirmed(database_url) == {"kbnn": True}
    lephi("agency", "create", "--code", "to", *WARD)
    lephi("agency", "change", "--code", "to", "--parent", "phuong")
    assert confirmed(database_url) == {"kbnn": False}


def confirmed(url: str) -> dict[str, bool]:
    query = "SELECT code, confirmed_at IS NOT NULL AS yes FROM collection_account"
    return {row["code"]: row["yes"] for row in rows(url, query)}


def test_the_doctor_tells_of_bodies_without_two_people_and_of_unconfirmed_accounts(
    lephi: Lephi, database_url: str, tmp_path: Path
) -> None:
    async def told() -> dict[str, tuple[str, str]]:
        database = Database(database_url, pool_size=1)
        settings = Settings(mode="test", data_dir=tmp_path, two_people=True)
        found = {one.check: (one.mark, one.detail) for one in await _look(database, settings)}
        await database.dispose()
        return found

    lephi("agency", "create", "--code", "phuong", *WARD, "--offers", "9.000001")
    account(lephi, "kbnn", "11133355")
    before = asyncio.run(told())
    assert before["two people"][0] == before["accounts"][0] == "warn"
    assert "phuong" in before["two people"][1]
    assert "kbnn" in before["accounts"][1]
    user(lephi, ADMIN, "admin", "--password", PASSWORD)
    user(lephi, CHIEF, "chief", "--password", PASSWORD)
    (asked,) = as_json(lephi("approvals", "list", "--status", "proposed", "--json"))
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    after = asyncio.run(told())
    assert after["accounts"][0] == "ok"
    assert "phuong" not in after["two people"][1]
