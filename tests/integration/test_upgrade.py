"""A database of the version before migration 0003: nothing is lost, and what waited is done.

`tests/golden/before_0003` says what is in it and how it was made.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import alembic.op
import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool
from sqlmodel import select

from adapters.keystore.files import EARLIER
from adapters.sandbox.engine.embedded import bound, served
from app.figures import count_figures
from app.invariants import broken
from app.main import create_app
from app.migrations.run import pending, upgrade
from app.parts import Parts
from app.worker import run_once
from core import clock
from core.settings import Settings
from payments.incoming import notices
from receipts.verification import verify
from reconciliation.models import StatementLine
from reconciliation.statements.earlier_narratives import seal_earlier
from reconciliation.statements.narratives import open_narrative
from tests.support.database import EMPTY, PostgresServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEFORE = Path(__file__).parents[1] / "golden" / "before_0003"
FACTS: dict[str, Any] = json.loads((BEFORE / "facts.json").read_text("utf-8"))
BILLS: dict[str, dict[str, str]] = FACTS["bills"]
#: What was paid before and has its receipt; what was paid, or told of, and waits.
DONE = ("gateway", "over", "two_amounts")
WAITING = ("without_receipt", "kept_gateway", "kept_bank")

#: The evening of the day on which the data was made: answers of then are still kept.
EVENING = datetime(2026, 11, 28, 16, 30, tzinfo=UTC)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def load(url: str) -> None:
    """Fill an empty database with what the version before left."""
    upgrade(url, "0002")
    with connected(url) as connection:
        # The driver itself: it takes many statements at once, and colons as they are.
        connection.connection.cursor().execute((BEFORE / "data.sql").read_text("utf-8"))


def count(url: str, query: str) -> dict[str, int]:
    with connected(url) as connection:
        return {row[0]: row[1] for row in connection.execute(text(query))}


REASONS = "SELECT reason, count(*) FROM suspense_item GROUP BY 1"
LEDGERS = "SELECT ledger, sum(amount)::bigint FROM posting GROUP BY 1"


@dataclass
class Upgraded:
    """The migrated database, and the present version over it."""

    parts: Parts
    portal: httpx2.AsyncClient
    finance: httpx2.AsyncClient
    browser: httpx2.AsyncClient

    async def bill(self, name: str) -> dict[str, Any]:
        """A bill of before as the API shows it."""
        answer = await self.portal.get(f"/api/v1/bills/{BILLS[name]['id']}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def broken(self) -> list[str]:
        """The invariants that do not hold."""
        async with self.parts.database.transaction() as session:
            return await broken(session)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upgraded(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Upgraded]:
    keys = tmp_path_factory.mktemp("upgraded") / "keys"
    for folder in (keys, keys / "signing"):
        folder.mkdir(mode=0o700)
    (keys / "field.key").write_bytes(bytes.fromhex(FACTS["field_key"]))
    (keys / "field.key").chmod(0o600)
    (keys / "signing" / EARLIER).write_bytes((BEFORE / "signing.pem").read_bytes())
    with postgres_server.database(EMPTY) as url, clock.frozen(EVENING):
        load(url)
        before = count(url, LEDGERS)
        assert upgrade(url)[0] == "0003"
        after = count(url, LEDGERS)
        assert after.pop("revenue") == before.pop("fees")
        assert after.pop("refundable") == before.pop("due_back")
        # What gateways took has not been told of as paid over.
        after["receivable"] += after.pop("in_transit")
        assert after == before
        async with running(url, keys.parent) as system:
            yield system


@asynccontextmanager
async def running(url: str, data_dir: Path) -> AsyncIterator[Upgraded]:
    with bound() as listening:
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = create_app(
            Settings(
                mode="test",
                database_url=url,
                data_dir=data_dir,
                base_url=base_url,
                log_level="error",
            )
        )
        async with (
            served(app, listening),
            _client(base_url, FACTS["portal_key"]) as portal,
            _client(base_url, FACTS["finance_key"]) as finance,
            httpx2.AsyncClient(base_url=base_url, timeout=30) as browser,
        ):
            yield Upgraded(app.state.parts, portal, finance, browser)


def _client(base_url: str, key: str) -> httpx2.AsyncClient:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=30)


async def test_the_invariants_hold_and_the_books_say_the_new_words(upgraded: Upgraded) -> None:
    assert await upgraded.broken() == []
    assert pending(upgraded.parts.settings.database_url or "") == []
    reasons = count(upgraded.parts.settings.database_url or "", REASONS)
    assert reasons["conflicting_notice"] == reasons["static_amount"] == 1
    async with upgraded.parts.database.transaction() as session:
        await count_figures(session)
    figures = (await upgraded.browser.get("/metrics")).text
    assert 'lephi_alerts{kind="payment.conflicting_notice"} 1.0' in figures


async def test_the_words_of_statement_lines_are_sealed(upgraded: Upgraded) -> None:
    url = upgraded.parts.settings.database_url or ""
    clear = "SELECT narrative, count(*) FROM statement_line WHERE narrative IS NOT NULL GROUP BY 1"
    async with upgraded.parts.database.transaction() as session:
        await seal_earlier(session, upgraded.parts.cipher)
    assert count(url, clear) == {}
    async with upgraded.parts.database.reading() as session:
        lines = await session.all(select(StatementLine))
    words = [
        open_narrative(upgraded.parts.cipher, line.id, line.sealed_narrative) for line in lines
    ]
    assert "CHUYEN TIEN NHA" in words


async def test_receipts_are_the_same_bytes_and_verify(upgraded: Upgraded) -> None:
    trusted = (BEFORE / "signing.pem").read_bytes()
    for receipt_id, told in FACTS["receipts"].items():
        answer = await upgraded.portal.get(f"/api/v1/receipts/{receipt_id}.xml")
        assert sha256(answer.content).hexdigest() == told["sha256"]
        result = verify(answer.content, trusted)
        assert (result.valid, result.trusted) == (True, True), result.reasons
        assert result.content is not None
        assert result.content.number == told["number"]
        changed = answer.content.replace(b"5000", b"6000")
        assert changed != answer.content
        assert not verify(changed, trusted).valid
    for name in DONE:
        (receipt,) = (await upgraded.bill(name))["receipts"]
        page = await upgraded.browser.get(receipt["check_url"])
        assert page.status_code == 200
        assert f"{receipt['number']}" in page.text


@pytest.mark.parametrize("name", BILLS)
async def test_the_address_that_a_citizen_was_sent_still_opens_the_bill(
    upgraded: Upgraded, name: str
) -> None:
    address = BILLS[name]["address"]
    bill = await upgraded.bill(name)
    assert bill["pay_url"] == f"{upgraded.parts.settings.base_url}{address}"
    page = await upgraded.browser.get(address)
    assert page.status_code == 200
    assert bill["reference"] in page.text
    # Without its token, a page keeps the receipts to itself.
    for receipt in bill["receipts"]:
        assert receipt["code"] in page.text
        assert receipt["code"] not in (await upgraded.browser.get(address.split("?")[0])).text


async def test_a_key_used_before_gets_the_answer_of_before(upgraded: Upgraded) -> None:
    asked = FACTS["bill"]
    headers = {"Idempotency-Key": asked["key"]}
    answer = await upgraded.portal.post("/api/v1/bills", json=asked["body"], headers=headers)
    assert (answer.status_code, answer.text) == (201, asked["answer"])
    sent = FACTS["statement"]
    # The same key again is answered, another one finds the file known; of a portal it is refused.
    for client, key, status, known in (
        (upgraded.finance, sent["key"], 201, json.loads(sent["answer"])["known"]),
        (upgraded.finance, "another", 201, True),
        (upgraded.portal, "portal", 403, None),
    ):
        answer = await client.post(
            "/api/v1/statements",
            files={"file": ("so-phu.csv", sent["file"].encode(), "text/csv")},
            data={"account": "kbnn-ben-mau", "mapping": "lephi-basic"},
            headers={"Idempotency-Key": key},
        )
        assert answer.status_code == status, answer.text
        assert answer.json().get("known") == known
        if key == sent["key"]:
            assert answer.text == sent["answer"]
    assert answer.json()["code"] == "scope_missing"


async def test_what_waited_is_done_by_the_new_worker(upgraded: Upgraded) -> None:
    assert [(await upgraded.bill(name))["status"] for name in WAITING] == ["paid", "open", "open"]
    # The migration made the kept notices due at the database's own time.
    with clock.frozen(max(datetime.now(UTC), EVENING)):
        assert await notices.apply_waiting(upgraded.parts.payments) == 2
        while await run_once(upgraded.parts):
            pass
    for name in WAITING:
        bill = await upgraded.bill(name)
        assert (bill["status"], len(bill["receipts"])) == ("paid", 1)
        assert [payment["status"] for payment in bill["payments"]] == ["succeeded"]
    assert await upgraded.broken() == []


#: The statements of 0003 that rename what the books say.
RENAMED = (
    "UPDATE posting SET ledger",
    "UPDATE suspense_item SET place",
    "UPDATE suspense_item SET reason = 'conflicting_notice'",
    "UPDATE suspense_item SET reason = 'static_amount'",
)


@pytest.mark.parametrize("left_out", RENAMED)
async def test_a_migration_that_forgets_a_word_is_refused(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, left_out: str
) -> None:
    load(empty_database_url)
    execute, skipped = alembic.op.execute, []

    def forgetful(statement: Any, **more: Any) -> None:
        if str(statement).startswith(left_out):
            skipped.append(statement)
        else:
            execute(statement, **more)

    monkeypatch.setattr(alembic.op, "execute", forgetful)
    with pytest.raises(IntegrityError, match="ck_"):
        upgrade(empty_database_url)
    assert len(skipped) == 1
    # Nothing of the failed step remains.
    assert pending(empty_database_url)[0] == "0003"
    assert "discord" in count(empty_database_url, REASONS)


#: What a process of before still writes while or after the new version migrates.
OLD_WORDS = (
    "INSERT INTO posting (transaction_id, ledger, collection_account_id, amount)"
    " SELECT transaction_id, 'fees', collection_account_id, -1 FROM posting LIMIT 1",
    "INSERT INTO suspense_item (id, payment_id, place, amount, reason, created_at)"
    " SELECT 'old', payment_id, 'due_back', 1, 'excess', now() FROM suspense_item LIMIT 1",
    "INSERT INTO suspense_item (id, payment_id, place, amount, reason, created_at)"
    " SELECT 'old', payment_id, 'suspense', 1, 'discord', now() FROM suspense_item LIMIT 1",
    "INSERT INTO suspense_item (id, payment_id, place, amount, reason, created_at)"
    " SELECT 'old', payment_id, 'suspense', 1, 'standing_amount', now() FROM suspense_item LIMIT 1",
)


@pytest.mark.parametrize("statement", OLD_WORDS)
async def test_what_a_process_of_before_would_write_is_refused(
    empty_database_url: str, statement: str
) -> None:
    load(empty_database_url)
    with connected(empty_database_url) as connection:
        before = connection.begin_nested()
        connection.execute(text(statement))  # it was right then
        before.rollback()
    upgrade(empty_database_url)
    with (
        pytest.raises(IntegrityError, match="ck_"),
        connected(empty_database_url) as connection,
    ):
        connection.execute(text(statement))
