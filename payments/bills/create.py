"""Writing a new bill: bill, lines, reference, payer data, audit and idempotency key at once.

This is the hot path of a counter and of every portal, so it is one statement where the ORM would
send seven (docs/decisions/0006): one round trip, all or nothing, and so a transaction of its own,
committed before anybody is answered. The same statement takes the advisory lock of the request's
idempotency key, so two requests with one key cannot both write, and a repeat that comes while the
first is still running is told so instead of waiting.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg
from sqlalchemy import text

from core import failpoints
from core.crypto import Cipher
from core.db import Database
from core.errors import Conflict
from core.idempotency import Claim, InFlight, Replay, find
from core.json import canonical
from core.sessions import WriteSession
from payments.catalogue.rules.pricing import NewLine
from payments.states import BILL

_LINE_COLUMNS = (
    "fee_id",
    "fee",
    "description",
    "description_en",
    "quantity",
    "unit",
    "copies",
    "value",
    "full_amount",
    "amount",
    "sub_item",
    "explanation",
    "explanation_en",
    "basis",
    "certainty",
    "relief",
    "notice",
)


def _row(line: NewLine, position: int) -> dict[str, Any]:
    """A line as a row of `bill_line`, without the bill."""
    return {"position": position} | {name: getattr(line, name) for name in _LINE_COLUMNS}


class ReliefUsed(Conflict):
    """The asset has had this relief this year: ask without it, or withdraw the other bill."""

    code = "relief_used"


@dataclass(frozen=True, slots=True)
class NewBill:
    """A bill ready to be written. `amount` is the sum of the lines; status follows from it."""

    id: str
    agency_id: str
    reference: str
    lines: tuple[NewLine, ...]
    channel: str
    language: str
    created_at: datetime
    opened_on: date
    dossier_number: str | None = None
    return_url: str | None = None
    expires_at: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    payer: dict[str, str] | None = field(default=None, repr=False)
    #: keyed hash of the asset that a once-a-year relief is for
    asset_hash: str | None = None

    @property
    def amount(self) -> int:
        """The sum of the lines, in đồng."""
        return sum(line.amount for line in self.lines)

    @property
    def remaining(self) -> int:
        """What is still to be paid: all of it."""
        return self.amount

    @property
    def status(self) -> str:
        """`open`, or `exempt` where nothing is owed."""
        return "open" if self.amount else "exempt"


_BILL = """
b AS (
  INSERT INTO bill (id, agency_id, reference, status, amount, dossier_number, channel, language,
    return_url, extra, expires_at, created_at, opened_on)
  SELECT %(id)s, %(agency_id)s, %(reference)s, %(status)s, %(amount)s, %(dossier_number)s,
    %(channel)s, %(language)s, %(return_url)s, CAST(%(extra)s AS jsonb), %(expires_at)s,
    %(created_at)s, %(opened_on)s {guard}
  RETURNING 1
), r AS (
  INSERT INTO reference (reference, kind, agency_id, created_at)
  SELECT %(reference)s, 'bill', %(agency_id)s, %(created_at)s {guard}
), l AS (
  INSERT INTO bill_line (bill_id, position, fee_id, fee, description, description_en, quantity,
    unit, copies, value, full_amount, amount, sub_item, explanation, explanation_en, basis,
    certainty, relief, notice)
  SELECT %(id)s, n.* FROM jsonb_to_recordset(CAST(%(lines)s AS jsonb)) AS n(position int,
    fee_id text, fee text, description text, description_en text, quantity int, unit text,
    copies int, value bigint, full_amount bigint, amount bigint, sub_item text, explanation text,
    explanation_en text, basis text, certainty text, relief jsonb, notice jsonb) {and_guard}
), u AS (
  INSERT INTO relief_use (bill_id, relief, year, asset_hash, created_at)
  SELECT %(id)s, n.relief, %(year)s, %(asset_hash)s, %(created_at)s
  FROM unnest(CAST(%(uses)s AS text[])) AS n(relief) {and_guard}
), p AS (
  INSERT INTO payer_data (subject_id, data, created_at)
  SELECT %(id)s, CAST(%(payer)s AS bytea), %(created_at)s
  WHERE CAST(%(payer)s AS bytea) IS NOT NULL {also}
), a AS (
  INSERT INTO audit_entry (at, actor, action, object_id, details)
  SELECT %(created_at)s, %(actor)s, %(event)s, %(id)s, CAST(%(audit)s AS jsonb) {guard}
)
"""

_PLAIN = (
    "WITH " + _BILL.format(guard="", and_guard="", also="") + "SELECT true AS locked, true AS won"
)

_CLAIM = """
WITH k AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock(%(lock)s) AS locked
), c AS (
  INSERT INTO idempotency_key (owner, route, key_hash, request_hash, state, object_id, status,
    body, created_at)
  SELECT %(owner)s, %(route)s, %(key_hash)s, %(request_hash)s, 'done', %(id)s, 201, %(answer)s,
    %(created_at)s
  FROM k WHERE k.locked ON CONFLICT DO NOTHING RETURNING 1
), {bill}
SELECT k.locked, EXISTS (SELECT 1 FROM c) AS won FROM k
"""

#: Place-holders are the driver's. Public for the benchmark, which asks the database alone for it.
INSERT_ONCE = _CLAIM.format(
    bill=_BILL.format(guard="FROM c", and_guard=", c", also="AND EXISTS (SELECT 1 FROM c)")
)


def _parameters(bill: NewBill, actor: str, cipher: Cipher) -> dict[str, Any]:
    return {
        "id": bill.id,
        "agency_id": bill.agency_id,
        "reference": bill.reference,
        "status": bill.status,
        "amount": bill.amount,
        "dossier_number": bill.dossier_number,
        "channel": bill.channel,
        "language": bill.language,
        "return_url": bill.return_url,
        "extra": canonical(bill.metadata).decode(),
        "expires_at": bill.expires_at,
        "created_at": bill.created_at,
        "opened_on": bill.opened_on,
        "lines": canonical([_row(n, i) for i, n in enumerate(bill.lines, 1)]).decode(),
        "year": bill.opened_on.year,
        "asset_hash": bill.asset_hash,
        "uses": [n.yearly for n in bill.lines if n.yearly is not None],
        "payer": (
            cipher.encrypt(canonical(bill.payer), f"payer:{bill.id}") if bill.payer else None
        ),
        "actor": actor,
        "event": BILL.move(None, bill.status).event,
        "audit": canonical({"amount": bill.amount, "status": bill.status}).decode(),
    }


async def insert(session: WriteSession, bill: NewBill, *, actor: str, cipher: Cipher) -> None:
    """Write a bill that comes with no idempotency key (a static reference's credit)."""
    connection = await session.connection()
    await connection.exec_driver_sql(_PLAIN, _parameters(bill, actor, cipher))


async def _holder(session: WriteSession, values: dict[str, Any]) -> str | None:
    """The reference of the same agency's bill that has the asset's relief; others' are not told."""
    found: str | None = await session.scalar(
        text(
            "SELECT b.reference FROM relief_use u JOIN bill b ON b.id = u.bill_id"
            " WHERE u.relief = ANY(CAST(:uses AS text[])) AND u.year = :year"
            " AND u.asset_hash = :asset_hash AND u.released_at IS NULL"
            " AND b.agency_id = :agency_id LIMIT 1"
        ),
        {name: values[name] for name in ("uses", "year", "asset_hash", "agency_id")},
    )
    return found


async def insert_once(
    database: Database,
    bill: NewBill,
    claim: Claim,
    answer: bytes,
    *,
    actor: str,
    cipher: Cipher,
) -> Replay | None:
    """Write a bill, its idempotency key and the answer to the request.

    None when it was written; the earlier answer when the key was used before with this body.
    Raises `InFlight` while another request with the key is being worked on, and what
    `idempotency.find` raises.
    """
    values = {
        **_parameters(bill, actor, cipher),
        "lock": claim.lock,
        "owner": claim.owner,
        "route": claim.route,
        "key_hash": claim.key_hash,
        "request_hash": claim.request_hash,
        "answer": cipher.encrypt(answer, claim.context),
    }
    failpoints.hit("bill.before_write")
    try:
        row = await database.write_alone(INSERT_ONCE, values)
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name != "uq_relief_use":
            raise
        detail = "Tài sản này đã được miễn, giảm trong năm; mỗi năm một lần."
        async with database.transaction() as session:
            if other := await _holder(session, values):
                detail += f" Khoản đang giữ: {other}; hủy khoản đó nếu không dùng."
        raise ReliefUsed(detail) from error
    if row.won:
        failpoints.hit("bill.after_commit")
        return None
    if not row.locked:
        raise InFlight("Yêu cầu trước với khóa này đang được xử lý.")
    async with database.transaction() as session:
        replay = await find(session, claim, cipher)
    if replay is None:
        raise InFlight("Yêu cầu trước với khóa này đang được xử lý.")
    return replay
