"""Invariants are run from their files: a row that breaks one is named with the rule's words."""

import pytest
from sqlalchemy import insert

from core import audit, checks, clock
from core.checks import Breach, RulesAtOnce, breaches, load_rules
from core.db import Database
from core.statements import ReadSql

PACKAGES = ("payments.books", "receipts", "reconciliation", "app")


def given(monkeypatch: pytest.MonkeyPatch, **rules: str) -> None:
    monkeypatch.setattr(checks, "load_sql", lambda *_: rules)


async def test_a_breach_is_told_with_its_rule_and_its_row(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    select = "SELECT object_id AS id, actor || ' did it' AS detail FROM audit_entry WHERE"
    given(
        monkeypatch,
        broken=f"-- nobody does anything\n-- (a fault).\n{select} true ORDER BY id",
        whole=f"-- nothing is done\n{select} false",
    )
    rules = load_rules("core")
    assert list(rules) == ["nobody does anything", "nothing is done"]
    async with database.transaction() as session:
        for bill in ("bill_1", "bill_2"):
            await audit.record(session, actor="system:t", action="bill.paid", object_id=bill)
        told = [line async for line in breaches(session, rules)]
        at_once = await RulesAtOnce(rules, {}, {"is true": rules["nothing is done"]}).breaches(
            session
        )
    assert told == [
        "nobody does anything: bill_1 (system:t did it)",
        "nobody does anything: bill_2 (system:t did it)",
    ]
    assert at_once == told


def test_a_rule_without_words_or_with_another_s_is_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given(monkeypatch, one="SELECT '1' AS id, '' AS detail")
    with pytest.raises(ValueError, match="one needs words"):
        load_rules("core")
    same = "-- all is well\nSELECT '1' AS id, '' AS detail"
    given(monkeypatch, one=same, two=same)
    with pytest.raises(ValueError, match="two needs words"):
        load_rules("core")


def test_a_rule_that_writes_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, one="-- nothing is left\nDELETE FROM audit_entry RETURNING id, actor")
    with pytest.raises(ValueError, match="DELETE"):
        load_rules("core")


async def test_every_rule_there_is_can_be_asked(database: Database) -> None:
    rules: dict[str, ReadSql[Breach]] = {}
    for package in PACKAGES:
        more = load_rules(package)
        assert more
        assert not rules.keys() & more.keys()
        rules |= more
    assert len(rules) >= 17
    async with database.reading() as session:
        assert [line async for line in breaches(session, rules)] == []


async def test_json_takes_neither_nothing_nor_what_is_no_number(database: Database) -> None:
    """None is NULL, so that NOT NULL means something; NaN is no JSON."""
    entry = {"at": clock.now(), "actor": "a", "action": "b", "object_id": "c"}
    for details, reason in ((None, "null value"), ({"amount": float("nan")}, "not JSON compliant")):
        with pytest.raises(Exception, match=reason):
            async with database.transaction() as session:
                await session.write(insert(audit.AuditEntry), {**entry, "details": details})
