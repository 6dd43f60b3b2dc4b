"""`lephi apikey` and `lephi user` as an operator uses them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.cli.main import build
from core.db import Database
from core.errors import Unauthenticated
from payments.agencies.access.principals import Keyring, Principal
from payments.agencies.access.rights import Role, Scope
from tests.support.proposing import add_body

Lephi = Callable[..., Result]
AN = ("--agency", "phuong-a", "--email", "An@example.vn", "--name", "Nguyễn Văn An")


async def fill(url: str) -> None:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        await add_body(session, "phuong-a")
        await add_body(session, "phuong-b")
    await database.dispose()


async def known(url: str, secret: str) -> Principal:
    """Whose key it is, as a process that has just started sees it."""
    database = Database(url, pool_size=1)
    try:
        return await Keyring(database).principal(secret)
    finally:
        await database.dispose()


async def audit(url: str) -> list[tuple[str, str, str]]:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        rows = await session.execute(
            text("SELECT actor, action, object_id FROM audit_entry ORDER BY id")
        )
        found = [(row.actor, row.action, row.object_id) for row in rows]
    await database.dispose()
    return found


@pytest.fixture
def lephi(filled_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    monkeypatch.setenv("LEPHI_DATABASE_URL", filled_database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))
    families = {name: build(name) for name in ("apikey", "user")}

    def run(family: str, *words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(families[family], [family, *words])
        assert done.exit_code == code, done.output
        return done

    return run


def as_json(done: Result) -> Any:
    return json.loads(done.stdout)


def test_a_key_from_its_making_to_its_end(lephi: Lephi, filled_database_url: str) -> None:
    made = as_json(lephi("apikey", "create", "--agency", "phuong-a", "--label", "cổng", "--json"))
    assert set(made) >= {"id", "key"}
    assert made["scopes"] == ["bills", "receipts:read"]
    found = asyncio.run(known(filled_database_url, made["key"]))
    assert found.actor == f"key:{made['id']}"
    assert found.scopes == {Scope.BILLS, Scope.RECEIPTS_READ}
    listed = as_json(lephi("apikey", "list", "--agency", "phuong-a", "--json"))
    assert [one["id"] for one in listed] == [made["id"]]
    assert made["key"] not in lephi("apikey", "list").stdout
    assert as_json(lephi("apikey", "list", "--agency", "phuong-b", "--json")) == []
    assert lephi("apikey", "revoke", made["id"]).stdout == f"{made['id']}: revoked\n"
    lephi("apikey", "revoke", made["id"])
    with pytest.raises(Unauthenticated):
        asyncio.run(known(filled_database_url, made["key"]))
    assert asyncio.run(audit(filled_database_url)) == [
        ("system:operator", "api_key.created", made["id"]),
        ("system:operator", "api_key.revoked", made["id"]),
    ]


def test_the_key_alone_is_printed_for_a_script(lephi: Lephi, filled_database_url: str) -> None:
    done = lephi(
        *("apikey", "create", "--agency", "phuong-a", "--label", "kế toán"),
        *("--scopes", "statements, reconciliation"),
    )
    (key,) = done.stdout.split()
    found = asyncio.run(known(filled_database_url, key))
    assert found.scopes == {Scope.STATEMENTS, Scope.RECONCILIATION}


def test_a_person_from_their_making_to_their_end(lephi: Lephi, filled_database_url: str) -> None:
    roles = ("--role", "finance", "--role", "clerk")
    made = as_json(lephi("user", "create", *AN, *roles, "--json"))
    assert (made["email"], made["roles"]) == ("an@example.vn", ["clerk", "finance"])
    assert len(made["password"]) >= 12
    key = as_json(
        lephi(
            *("apikey", "create", "--agency", "phuong-a", "--label", "máy"),
            *("--user", "AN@example.vn", "--json"),
        )
    )
    assert (key["kind"], key["user"], key["scopes"]) == ("person", "an@example.vn", [])
    found = asyncio.run(known(filled_database_url, key["key"]))
    assert found.actor == f"staff:{made['id']}"
    assert found.roles == {Role.CLERK, Role.FINANCE}
    assert "an@example.vn" in lephi("user", "list").stdout
    assert lephi("user", "disable", "an@example.vn").stdout == "an@example.vn: disabled\n"
    with pytest.raises(Unauthenticated):
        asyncio.run(known(filled_database_url, key["key"]))
    (gone,) = as_json(lephi("user", "list", "--json"))
    assert gone["disabled_at"] is not None
    assert asyncio.run(audit(filled_database_url)) == [
        ("system:operator", "staff.created", made["id"]),
        ("system:operator", "api_key.created", key["id"]),
        ("system:operator", "staff.disabled", made["id"]),
    ]


def test_a_script_of_before_names_a_person_and_reads_the_key_as_it_did(lephi: Lephi) -> None:
    as_json(lephi("user", "create", *AN, "--role", "clerk", "--json"))
    of_before = ("--label", "máy", "--staff", "an@example.vn", "--json")
    made = as_json(lephi("apikey", "create", "--agency", "phuong-a", *of_before))
    assert (made["user"], made["api_key"]) == ("an@example.vn", made["key"])


def test_the_operator_makes_administrators(lephi: Lephi) -> None:
    made = as_json(lephi("user", "create", *AN, "--role", "admin", "--json"))
    assert made["roles"] == ["admin"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("apikey", "create", "--agency", "nobody", "--label", "x"), "nobody"),
        (("apikey", "create", "--agency", "phuong-a", "--label", "x", "--scopes", "all"), "all"),
        (("apikey", "create", "--agency", "phuong-a", "--label", "x", "--scopes", ""), "scope"),
        (("apikey", "create", "--agency", "phuong-a", "--label", " "), "label"),
        (("apikey", "create", "--agency", "phuong-a", "--label", "x", "--user", "la@x.vn"), ""),
        (
            ("apikey", "create", "--agency", "phuong-a", "--label", "x", "--user", "a@x.vn",
             "--scopes", "bills"),
            "--scopes",
        ),
        (("apikey", "revoke", "key_none"), ""),
        (("apikey", "list", "--agency", "nobody"), "nobody"),
        (("user", "create", *AN, "--role", "clerk", "--password", "ngan"), "12"),
        (("user", "disable", "la@example.vn"), ""),
    ],
)  # fmt: skip
def test_a_failure_says_what_is_wrong_and_leaves_nothing(
    lephi: Lephi, filled_database_url: str, words: tuple[str, ...], told: str
) -> None:
    done = lephi(*words, code=1)
    assert done.stdout == ""
    assert done.stderr.strip()
    assert told in done.stderr
    assert asyncio.run(audit(filled_database_url)) == []


def test_a_key_of_a_person_is_made_at_the_persons_agency_only(lephi: Lephi) -> None:
    lephi("user", "create", *AN, "--role", "clerk")
    wrong = ("--agency", "phuong-b", "--label", "x", "--user", "an@example.vn")
    lephi("apikey", "create", *wrong, code=1)
    lephi("user", "create", *AN, "--role", "clerk", code=1)  # the address is taken
