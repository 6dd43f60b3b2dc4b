"""`lephi suspense resolve`, `lephi approvals`, `lephi statement withdraw`, as two people do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import build
from app.seed.agency import DEMO_ACCOUNT, seed_body
from core.clock import VIETNAM, now
from core.crypto import Cipher
from core.db import Database
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import create_staff_user
from payments.agencies.queries import find_collection_account
from payments.books.credits import record_credit
from payments.ports import Credit

Lephi = Callable[..., Result]
CLERK, CHIEF = "ke-toan@example.vn", "truong@example.vn"
PASSWORD = "mat-khau-thu-nghiem"


async def fill(url: str) -> None:
    """A body with 7,000 đ in suspense, its finance clerk and its chief accountant."""
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        body = await seed_body(session)
        for email, role in ((CLERK, Role.FINANCE), (CHIEF, Role.CHIEF)):
            await create_staff_user(
                session,
                agency_id=body.agency_id,
                email=email,
                name="Người Thử",
                password=PASSWORD,
                roles=[role],
            )
        account = await find_collection_account(session, DEMO_ACCOUNT)
        assert account is not None
        told = Credit("1", "FT26000001", DEMO_ACCOUNT, 7000, "chuyen tien", now())
        await record_credit(
            session, account, told, source="feed", actor="test", cipher=Cipher(bytes(32))
        )
    await database.dispose()


@pytest.fixture
def lephi(filled_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    monkeypatch.setenv("LEPHI_DATABASE_URL", filled_database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))
    families = {name: build(name) for name in ("suspense", "approvals", "statement", "refund")}

    def run(family: str, *words: str, code: int = 0) -> Result:
        monkeypatch.setenv("LEPHI_USER_PASSWORD", PASSWORD)
        done = CliRunner().invoke(families[family], [family, *words])
        assert done.exit_code == code, done.output
        return done

    return run


def as_json(done: Result) -> Any:
    return json.loads(done.stdout)


def test_one_asks_for_a_refund_and_the_other_approves(lephi: Lephi) -> None:
    (item,) = as_json(lephi("suspense", "list", "--json"))
    words = (item["id"], "--kind", "refund", "--reason", "khách yêu cầu", "--by")
    asked = as_json(lephi("suspense", "resolve", *words, CLERK, "--json"))
    assert (asked["status"], asked["figures"]["amount"]) == ("proposed", 7000)
    assert asked["id"] in lephi("approvals", "list", "--status", "proposed").stdout
    refused = lephi("approvals", "approve", asked["id"], "--by", CLERK, code=1)
    assert "quyền" in refused.stderr
    done = as_json(lephi("approvals", "approve", asked["id"], "--by", CHIEF, "--json"))
    assert (done["status"], done["outcome"]["refundable"]) == ("approved", 7000)
    (after,) = as_json(lephi("suspense", "list", "--json"))
    assert after["place"] == "refundable"
    assert (
        "đã được duyệt" in lephi("approvals", "approve", asked["id"], "--by", CHIEF, code=1).stderr
    )


def test_money_goes_back_by_two_people_and_is_given_up(lephi: Lephi) -> None:
    (item,) = as_json(lephi("suspense", "list", "--json"))
    words = ("--amount", "6000", "--reason", "khách yêu cầu", "--by", CLERK, "--json")
    wrong = ("--bank-bin", "97", "--account-number", "1", "--holder", "A")
    refused = lephi("refund", "request", item["payment_id"], *words, *wrong, code=1)
    assert "payee.bank_bin" in refused.stderr
    asked = as_json(lephi("refund", "request", item["payment_id"], *words))
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    (refund,) = as_json(lephi("refund", "list", "--status", "approved", "--json"))
    assert (refund["id"], refund["amount"]) == (asked["object"], 6000)
    assert refund["reference"] in lephi("refund", "list").stdout
    told = as_json(lephi("refund", "sent", refund["id"], "--by", CLERK, "--json"))
    assert told["status"] == "unknown"
    failed = ("--reason", "ngân hàng từ chối", "--by", CLERK, "--json")
    asked = as_json(lephi("refund", "fail", refund["id"], *failed))
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    (refund,) = as_json(lephi("refund", "list", "--json"))
    assert refund["status"] == "failed"
    assert "Chỉ còn" in lephi(
        "refund", "request", item["payment_id"], "--amount", "7001", "--reason", "x", "--by",
        CLERK, code=1,
    ).stderr  # fmt: skip


def test_what_was_asked_for_is_refused_with_its_reason(lephi: Lephi) -> None:
    (item,) = as_json(lephi("suspense", "list", "--json"))
    words = ("--kind", "assign", "--reason", "x", "--by", CLERK)
    assert "bill" in lephi("suspense", "resolve", item["id"], *words, code=1).stderr
    keep = ("--kind", "keep", "--reason", "chờ", "--by", CLERK, "--json")
    asked = as_json(lephi("suspense", "resolve", item["id"], *keep))
    lephi("approvals", "reject", asked["id"], "--by", CHIEF, "--reason", " \n", code=1)
    done = lephi("approvals", "reject", asked["id"], "--by", CHIEF, "--reason", "xem lại")
    assert "rejected" in done.stdout


def test_a_statement_is_listed_and_withdrawn(lephi: Lephi, tmp_path: Path) -> None:
    file = tmp_path / "so-phu.csv"
    at = now().astimezone(VIETNAM).isoformat(timespec="seconds")
    file.write_text(
        "line_id,booked_at,amount,direction,reference,narrative,bank_ref\n"
        f"L1,{at},7,credit,,chuyen tien,FT26000001\n"
    )
    where = ("--account", DEMO_ACCOUNT)
    taken = as_json(
        lephi("statement", "import", str(file), *where, "--mapping", "lephi-basic", "--json")
    )
    assert "so-phu.csv" in lephi("statement", "list", *where).stdout
    words = (taken["id"], "--reason", "mất hàng nghìn", "--by", CLERK, "--json")
    asked = as_json(lephi("statement", "withdraw", *words))
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    (listed,) = as_json(lephi("statement", "list", *where, "--json"))
    assert listed["withdrawn"] is True
