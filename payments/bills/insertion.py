"""The statement that writes a new bill: bill, lines, reference, payer data, audit, idempotency key.

This is the hot path of a counter and of every portal, so it is one statement where the ORM would
send seven (docs/decisions/0006): one round trip, all or nothing. With an idempotency key it takes
the advisory lock of that key as well, so two requests with one key cannot both write, and a repeat
that comes while the first is still running is told so instead of waiting. Place-holders are the
driver's, which gets it without SQLAlchemy.
"""

from typing import Any

from core.crypto import Cipher
from core.json import canonical
from payments.bills.new_bill import NewBill
from payments.catalogue.rules.lines import NewLine
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
    "nature",
)


def _row(line: NewLine, position: int) -> dict[str, Any]:
    """A line as a row of `bill_line`, without the bill."""
    return {"position": position} | {name: getattr(line, name) for name in _LINE_COLUMNS}


#: The parts that every new bill has; `guard` and its like tie them to the key's claim.
_BILL = """
b AS (
  INSERT INTO bill (id, agency_id, reference, status, amount, dossier_number, channel, language,
    return_url, extra, expires_at, created_at, opened_on, supplement_of)
  SELECT %(id)s, %(agency_id)s, %(reference)s, %(status)s, %(amount)s, %(dossier_number)s,
    %(channel)s, %(language)s, %(return_url)s, CAST(%(extra)s AS jsonb), %(expires_at)s,
    %(created_at)s, %(opened_on)s, %(supplement_of)s {guard}
  RETURNING 1
), r AS (
  INSERT INTO reference (reference, kind, agency_id, created_at)
  SELECT %(reference)s, 'bill', %(agency_id)s, %(created_at)s {guard}
), l AS (
  INSERT INTO bill_line (bill_id, position, fee_id, fee, description, description_en, quantity,
    unit, copies, value, full_amount, amount, sub_item, explanation, explanation_en, basis,
    certainty, relief, notice, nature)
  SELECT %(id)s, n.* FROM jsonb_to_recordset(CAST(%(lines)s AS jsonb)) AS n(position int,
    fee_id text, fee text, description text, description_en text, quantity int, unit text,
    copies int, value bigint, full_amount bigint, amount bigint, sub_item text, explanation text,
    explanation_en text, basis text, certainty text, relief jsonb, notice jsonb,
    nature text) {and_guard}
), u AS (
  INSERT INTO relief_use (bill_id, relief, year_from, citizen_hash, created_at)
  SELECT %(id)s, n.relief, n.year_from, %(citizen_hash)s, %(created_at)s
  FROM unnest(CAST(%(uses)s AS text[]), CAST(%(years)s AS date[])) AS n(relief, year_from)
    {and_guard}
), p AS (
  INSERT INTO payer_data (subject_id, data, created_at, name_hash)
  SELECT %(id)s, CAST(%(payer)s AS bytea), %(created_at)s, %(name_hash)s
  WHERE CAST(%(payer)s AS bytea) IS NOT NULL {also}
), a AS (
  INSERT INTO audit_entry (at, actor, action, object_id, details)
  SELECT %(created_at)s, %(actor)s, %(event)s, %(id)s, CAST(%(audit)s AS jsonb) {guard}
)
"""

#: A bill in a transaction that is open already, without a key. Gives `locked` and `won`, both true.
INSERT = (
    "WITH " + _BILL.format(guard="", and_guard="", also="") + "SELECT true AS locked, true AS won"
)

#: The key is claimed first; everything else is written only where the claim was won.
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

#: A bill with its key, a transaction of its own: `locked` says that nobody else holds the key,
#: `won` that the bill was written. The benchmark asks the database alone for it.
INSERT_ONCE = _CLAIM.format(
    bill=_BILL.format(guard="FROM c", and_guard=", c", also="AND EXISTS (SELECT 1 FROM c)")
)


def parameters(bill: NewBill, actor: str, cipher: Cipher) -> dict[str, Any]:
    """The values of both statements' place-holders."""
    return whole_row(bill, actor, cipher) | {
        "lines": canonical([_row(n, i) for i, n in enumerate(bill.lines, 1)]).decode(),
        "citizen_hash": bill.citizen_hash,
        "uses": [use.relief for use in bill.uses],
        "years": [use.year_from for use in bill.uses],
    }


def whole_row(bill: NewBill, actor: str, cipher: Cipher) -> dict[str, Any]:
    """What is written of a bill beside its lines and reliefs, its payer sealed."""
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
        "supplement_of": bill.supplement_of,
        "payer": (
            cipher.encrypt(canonical(bill.payer), f"payer:{bill.id}") if bill.payer else None
        ),
        "name_hash": bill.name_hash,
        "actor": actor,
        "event": BILL.move(None, bill.status).event,
        "audit": canonical({"amount": bill.amount, "status": bill.status}).decode(),
    }
