"""`lephi agency`, `account` and `gateway`: a body set up by hand, each fault told and act noted."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from adapters.registry import ADAPTERS
from app.cli.main import build
from core.db import Database
from tests.support.proposing import add_body, add_catalogue

Lephi = Callable[..., Result]

WARD = ("--name", "UBND phường Thử", "--name-en", "Thu Ward", "--tax-code", "0100109106",
        "--address", "1 đường Thử", "--phone", "024 3333 4444")  # fmt: skip
SECRET = "bi-mat-khong-duoc-lo"
PAYGOV = {
    "partner_code": "P",
    "access_key": "A",
    "secret_key": SECRET,
    "token": "T",
    "service_code": "S",
}


async def fill(url: str) -> None:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        await add_catalogue(session, await add_body(session, "co-san"))
    await database.dispose()


def rows(url: str, query: str) -> list[dict[str, Any]]:
    async def read() -> list[dict[str, Any]]:
        database = Database(url, pool_size=1)
        async with database.transaction() as session:
            found = [dict(row) for row in (await session.execute(text(query))).mappings()]
        await database.dispose()
        return found

    return asyncio.run(read())


def audited(url: str) -> list[dict[str, Any]]:
    return rows(url, "SELECT actor, action, object_id, details FROM audit_entry ORDER BY id")


@pytest.fixture
def lephi(filled_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    """Runs `lephi …` on a small catalogue (procedure 9.000001) with one body, `co-san`."""
    monkeypatch.setenv("LEPHI_DATABASE_URL", filled_database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))

    def run(*words: object, code: int = 0, given: str | None = None) -> Result:
        told = [str(word) for word in words]
        done = CliRunner().invoke(build(told[0]), told, input=given)
        assert done.exit_code == code, done.output
        return done

    return run


def as_json(done: Result) -> Any:
    return json.loads(done.stdout)


def account(lephi: Lephi, agency: str, code: str, number: str = "11133355") -> None:
    lephi("account", "create", "--agency", agency, "--code", code, "--kind", "treasury",
          "--bank-bin", "970436", "--number", number, "--holder", "KBNN Thử")  # fmt: skip


def gateway(lephi: Lephi, *more: object, credentials: object = PAYGOV, code: int = 0) -> Result:
    return lephi(
        *("gateway", "configure", "--agency", "phuong", "--name", "paygov", "--account", "phuong"),
        *("--base-url", "https://pay.example/api", "--credentials", "-", *more),
        given=json.dumps(credentials),
        code=code,
    )


def test_a_body_its_unit_account_and_gateway(lephi: Lephi, filled_database_url: str) -> None:
    made = as_json(lephi("agency", "create", "--code", "phuong", *WARD, "--offers", "9.000001",
                         "--return-origin", "HTTPS://Cong.Example.vn:443/", "--json"))  # fmt: skip
    assert made["offers"] == ["9.000001"]
    assert made["return_origins"] == ["https://cong.example.vn"]
    unit = as_json(lephi("agency", "create", "--code", "to", *WARD, "--parent", "phuong", "--json"))
    assert (unit["parent"], unit["offers"]) == ("phuong", "parent")
    account(lephi, "phuong", "kbnn")
    (shown,) = as_json(lephi("account", "list", "--json"))
    assert shown["confirmed_at"] is not None
    assert shown | {"id": "", "created_at": "", "confirmed_at": ""} == {
        "id": "", "created_at": "", "confirmed_at": "", "code": "kbnn", "agency": "phuong",
        "kind": "treasury",
        "bank_bin": "970436", "bank": "Vietcombank", "number": "11133355", "holder": "KBNN Thử",
        "cut_off": "16:00", "opened_on": None, "virtual_prefix": None, "virtual_digits": False,
    }  # fmt: skip
    told = gateway(lephi, "--collection-account", "kbnn").stdout
    assert told.endswith("/callbacks/paygov/phuong\n")
    listed = lephi("gateway", "list").stdout + lephi("gateway", "list", "--json").stdout
    assert "https://pay.example/api" in listed
    assert SECRET not in listed
    codes = {one["code"] for one in as_json(lephi("agency", "list", "--json"))}
    assert codes == {"co-san", "phuong", "to"}

    entries = audited(filled_database_url)
    assert [entry["action"] for entry in entries] == [
        *("agency.created", "agency.created", "account.created", "gateway.configured")
    ]
    assert {entry["actor"] for entry in entries} == {"system:cli"}
    assert entries[0]["details"]["after"]["offers"] == ["9.000001"]
    assert entries[3]["details"]["credentials_renewed"] is True
    assert SECRET not in json.dumps(entries)


def test_virtual_accounts_are_said_once_noted_and_taken_away(
    lephi: Lephi, filled_database_url: str
) -> None:
    account(lephi, "co-san", "kbnn")
    for wrong in ("sb12", "SB1234", "S-1"):
        told = lephi("account", "virtual-prefix", "kbnn", wrong, code=1).stderr
        assert "one to five digits and capital letters" in told
    assert lephi("account", "virtual-prefix", "kbnn", "SB12").stdout == (
        "kbnn: virtual accounts SB12LP…\n"
    )
    lephi("account", "virtual-prefix", "kbnn", "SB12")
    (shown,) = as_json(lephi("account", "list", "--json"))
    assert shown["virtual_prefix"] == "SB12"
    assert lephi("account", "virtual-prefix", "kbnn").stdout == "kbnn: its own number\n"
    told = lephi("account", "virtual-prefix", "kbnn", "9630", "--digits", code=1).stderr
    assert "sixteen digits follow has one to three" in told
    told = lephi("account", "virtual-prefix", "kbnn", "963", "--digits").stdout
    assert told == "kbnn: virtual accounts 963 and 16 digits\n"
    changes = [one["details"] for one in audited(filled_database_url)][1:]
    assert [(one["before"], one["after"]) for one in changes] == [
        ({"virtual_prefix": None}, {"virtual_prefix": "SB12"}),
        ({"virtual_prefix": "SB12"}, {"virtual_prefix": None}),
        (
            {"virtual_prefix": None, "virtual_digits": False},
            {"virtual_prefix": "963", "virtual_digits": True},
        ),
    ]


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("--code", "có dấu", "code"),
        ("--code", "a/b", "code"),
        ("--code", "agency_1", "code"),
        ("--name", " ", "name"),
        ("--tax-code", "0100109107", "tax_code"),
        ("--phone", "gọi tổng đài", "phone"),
        ("--return-origin", "https://cong.example.vn/duong-dan", "return_origins.0"),
        ("--return-origin", "https://u:p@cong.example.vn", "return_origins.0"),
        ("--return-origin", "javascript:alert(1)", "return_origins.0"),
        ("--offers", "9.000001,9.999999", "offers.1"),
        ("--offers", "parent", "offers"),
        ("--parent", "khong-co", "khong-co"),
    ],
)
def test_a_wrong_fact_is_named(
    lephi: Lephi, filled_database_url: str, option: str, value: str, field: str
) -> None:
    told = lephi("agency", "create", "--code", "phuong", *WARD, option, value, code=1).stderr
    assert field in told
    assert rows(filled_database_url, "SELECT code FROM agency") == [{"code": "co-san"}]
    assert audited(filled_database_url) == []


def test_a_code_that_is_there_is_not_made_again(lephi: Lephi, filled_database_url: str) -> None:
    lephi("agency", "create", "--code", "phuong", *WARD)
    told = lephi("agency", "create", "--code", "phuong", *WARD, code=1).stderr
    assert told == "There is an agency phuong already.\n"
    account(lephi, "phuong", "kbnn")
    again = ("account", "create", "--agency", "phuong", "--kind", "bank", "--holder", "X")
    vcb = ("--bank-bin", "970436")
    told = lephi(*again, *vcb, "--code", "kbnn", "--number", "9999", code=1).stderr
    assert told == "There is a collection account kbnn already.\n"
    told = lephi(*again, *vcb, "--code", "khac", "--number", "11133355", code=1).stderr
    assert told == "This account is there already under the code kbnn.\n"
    assert len(audited(filled_database_url)) == 2


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("--kind", "other", "kind"),
        ("--bank-bin", "97043", "bank_bin"),
        ("--bank-bin", "970499", "bank_bin"),
        ("--number", "1234 5678", "number"),
        ("--number", "1" * 20, "number"),
        ("--holder", "", "holder"),
        ("--agency", "khong-co", "khong-co"),
    ],
)
def test_a_wrong_account_is_refused(
    lephi: Lephi, filled_database_url: str, option: str, value: str, field: str
) -> None:
    told = lephi("account", "create", "--agency", "co-san", "--code", "tk", "--kind", "bank",
                 "--bank-bin", "970436", "--number", "12345678", "--holder", "X",
                 option, value, code=1).stderr  # fmt: skip
    assert field in told.replace("970499 is no bank's", "bank_bin")
    assert rows(filled_database_url, "SELECT 1 FROM collection_account") == []


def test_a_bank_that_no_list_has_can_be_named_on_purpose(lephi: Lephi) -> None:
    lephi("account", "create", "--agency", "co-san", "--code", "tk", "--kind", "bank",
          "--bank-bin", "970499", "--number", "12345678", "--holder", "X",
          "--unlisted-bank")  # fmt: skip
    (shown,) = as_json(lephi("account", "list", "--json"))
    assert (shown["bank_bin"], shown["bank"]) == ("970499", None)


def test_a_change_says_what_was_and_what_is(lephi: Lephi, filled_database_url: str) -> None:
    lephi("agency", "create", "--code", "phuong", *WARD, "--return-origin", "https://a.example")
    changed = as_json(lephi("agency", "change", "--code", "phuong", "--phone", "1900 1234",
                            "--offers", "9.000001", "--json"))  # fmt: skip
    assert changed["changed"] is True
    assert changed["offers"] == ["9.000001"]
    assert changed["return_origins"] == ["https://a.example"]
    again = lephi("agency", "change", "--code", "phuong", "--phone", "1900 1234")
    assert again.stdout == "Nothing is different.\n"
    _, entry = audited(filled_database_url)
    assert entry["action"] == "agency.changed"
    assert entry["details"] == {
        "before": {"phone": "024 3333 4444", "offers": []},
        "after": {"phone": "1900 1234", "offers": ["9.000001"]},
    }
    assert as_json(lephi("agency", "change", "--code", "phuong", "--offers", "",
                         "--return-origin", "", "--json"))["return_origins"] == []  # fmt: skip
    assert rows(filled_database_url, "SELECT * FROM agency_offer") == []


def test_nobody_stands_below_themselves(lephi: Lephi, filled_database_url: str) -> None:
    lephi("agency", "create", "--code", "phuong", *WARD)
    lephi("agency", "create", "--code", "to", *WARD, "--parent", "phuong")
    lephi("agency", "create", "--code", "nhom", *WARD, "--parent", "to")
    for below in ("phuong", "to", "nhom"):
        told = lephi("agency", "change", "--code", "phuong", "--parent", below, code=1).stderr
        assert "one of its units" in told
    assert len(audited(filled_database_url)) == 3
    lephi("agency", "change", "--code", "nhom", "--parent", "phuong")
    told = lephi("agency", "change", "--code", "nhom", "--parent", "", code=1).stderr
    assert "nobody's offer" in told
    lephi("agency", "change", "--code", "nhom", "--parent", "", "--offers", "9.000001")
    (shown,) = [o for o in as_json(lephi("agency", "list", "--json")) if o["code"] == "nhom"]
    assert (shown["parent"], shown["offers"]) == (None, ["9.000001"])


def test_two_moves_at_once_make_no_circle(lephi: Lephi, filled_database_url: str) -> None:
    """Each is right by what it sees at first; the second sees what the first has done."""
    from app.knowledge import KNOWLEDGE
    from core.errors import Invalid
    from payments.agencies.commands import change_agency
    from payments.agencies.queries import get_agency_id

    lephi("agency", "create", "--code", "mot", *WARD)
    lephi("agency", "create", "--code", "hai", *WARD)

    async def both() -> list[object]:
        database = Database(filled_database_url, pool_size=2)

        async def move(code: str, below: str) -> bool:
            async with database.transaction() as session:
                own, above = [await get_agency_id(session, c) for c in (code, below)]
                await barrier.wait()
                changes = {"parent_id": above}
                return await change_agency(session, own, changes, KNOWLEDGE, actor="system:test")

        barrier = asyncio.Barrier(2)
        moves = (move("mot", "hai"), move("hai", "mot"))
        try:
            return list(await asyncio.gather(*moves, return_exceptions=True))
        finally:
            await database.dispose()

    done = asyncio.run(both())
    assert done.count(True) == 1
    assert sum(isinstance(one, Invalid) for one in done) == 1


def test_a_gateway_is_held_against_its_adapter(lephi: Lephi, filled_database_url: str) -> None:
    lephi("agency", "create", "--code", "phuong", *WARD)
    account(lephi, "phuong", "kbnn")
    to = ("--collection-account", "kbnn")
    told = gateway(lephi, *to, "--name", "nobody", code=1).stderr
    assert told == f"There is no gateway or feed 'nobody'; there are: {', '.join(ADAPTERS)}.\n"
    told = gateway(lephi, *to, credentials={**PAYGOV, "token": " ", "x": SECRET}, code=1).stderr
    assert "credentials.token" in told
    assert "credentials.x" in told
    assert SECRET not in told
    told = gateway(lephi, *to, credentials={**PAYGOV, "token": 1}, code=1).stderr
    assert told == "The credentials must be a JSON object of strings.\n"
    told = gateway(lephi, *to, "--base-url", "http://pay.example", code=1).stderr
    assert "base_url" in told
    told = gateway(lephi, code=1).stderr
    assert "collection_account" in told
    assert rows(filled_database_url, "SELECT 1 FROM gateway_account") == []
    assert [entry["action"] for entry in audited(filled_database_url)] == [
        *("agency.created", "account.created")
    ]


def test_money_goes_to_the_body_or_to_one_above_it(lephi: Lephi) -> None:
    lephi("agency", "create", "--code", "tinh", *WARD)
    lephi("agency", "create", "--code", "phuong", *WARD, "--parent", "tinh")
    lephi("agency", "create", "--code", "to", *WARD, "--parent", "phuong")
    account(lephi, "tinh", "cua-tinh", "1001")
    account(lephi, "to", "cua-to", "1002")
    account(lephi, "co-san", "cua-nguoi-khac", "1003")
    for others in ("cua-to", "cua-nguoi-khac"):
        told = gateway(lephi, "--collection-account", others, code=1).stderr
        assert "neither to the body nor to one above it" in told
    gateway(lephi, "--collection-account", "cua-tinh")


def test_what_is_not_given_of_a_gateway_stays(lephi: Lephi, filled_database_url: str) -> None:
    lephi("agency", "create", "--code", "phuong", *WARD)
    account(lephi, "phuong", "kbnn")
    gateway(lephi, "--collection-account", "kbnn")
    before = len(audited(filled_database_url))
    gateway(lephi, "--collection-account", "kbnn")
    assert len(audited(filled_database_url)) == before, (
        "nothing was different, and yet it was noted"
    )
    own = ("gateway", "configure", "--agency", "phuong", "--name", "paygov", "--account", "phuong")
    lephi(*own, "--disabled")
    assert as_json(lephi("gateway", "list", "--json"))[0]["enabled"] is False
    lephi(*own, "--credentials", "-", given=json.dumps({**PAYGOV, "secret_key": "moi"}))
    first, second = audited(filled_database_url)[before:]
    assert first["details"]["after"] == {"enabled": False}
    assert (second["details"]["after"], second["details"]["credentials_renewed"]) == ({}, True)
    told = lephi(*own, "--agency", "co-san", "--enabled", code=1).stderr
    assert told == "paygov phuong belongs to another body.\n"
