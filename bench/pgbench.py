"""What PostgreSQL does by itself when it is asked to write a bill: `pgbench` from the same wheel.

The statement is the service's own, with the values of a bill that the service has just written, so
that every row is as large; what differs from bill to bill is made up by the server. Two ways are
measured: the statement alone, as the service sends it, and one INSERT for each table between BEGIN
and COMMIT, as an ORM would.
"""

import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import make_url

from app.embedded.programs import ENVIRONMENT, get_programs
from payments.bills.insertion import INSERT_ONCE

#: What is new in each bill, of the form and length that the service gives it. `now()` is the same
#: throughout a transaction; identifiers rise with time, as ours do.
_MADE_UP: Final = {
    "id": "'bill_' || lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0')"
    " || substr(md5(:n::text), 1, 20)",
    "reference": "'LP' || upper(substr(md5('reference' || :n), 1, 12))",
    "supplement_of": "CAST(NULL AS text)",
    "dossier_number": "'H26.18-261122-' || substr(md5('dossier' || :n), 1, 6)",
    "key_hash": "md5('key' || :n) || md5('hash' || :n)",
    "request_hash": "md5('request' || :n) || md5('body' || :n)",
    "lock": "hashtextextended(:n::text, 0)",
    "created_at": "now()",
    "expires_at": "CAST(NULL AS timestamptz)",
    "return_url": "CAST(NULL AS text)",
    "opened_on": "current_date",
    "citizen_hash": "CAST(NULL AS text)",
    "name_hash": "CAST(NULL AS text)",
    "uses": "CAST('{}' AS text[])",
    "years": "CAST('{}' AS date[])",
}
#: Every value there is; a test tells when the service's statement asks for another.
KNOWN: Final = frozenset(_MADE_UP) | {
    "agency_id",
    "status",
    "amount",
    "channel",
    "language",
    "extra",
    "lines",
    "payer",
    "actor",
    "event",
    "audit",
    "owner",
    "route",
    "answer",
}

#: The values that stay the same; pgbench sends them with each statement, untyped.
_GIVEN: Final = """
SELECT b.agency_id, b.status, CAST(b.amount AS text) AS amount, b.channel, b.language,
  CAST(b.extra AS text) AS extra,
  (SELECT CAST(jsonb_agg(to_jsonb(l) - 'bill_id') AS text) FROM bill_line l
   WHERE l.bill_id = b.id) AS lines,
  CAST(p.data AS text) AS payer, a.actor, a.action AS event, CAST(a.details AS text) AS audit,
  k.owner, k.route, CAST(k.body AS text) AS answer
FROM bill b JOIN payer_data p ON p.subject_id = b.id JOIN audit_entry a ON a.object_id = b.id
  JOIN idempotency_key k ON k.object_id = b.id
ORDER BY b.created_at DESC LIMIT 1
"""
_TYPES: Final = {
    "amount": "bigint",
    "answer": "bytea",
    "payer": "bytea",
    **dict.fromkeys(("extra", "lines", "audit"), "jsonb"),
}
_PLACE: Final = re.compile(r"%\((\w+)\)s")
_NUMBER: Final = "\\set n random(1, 9000000000000000000)\n"
_RATE: Final = re.compile(r"^tps = ([0-9.]+) \(without initial connection time\)", re.MULTILINE)

#: The statement as the service sends it.
ALONE: Final = f"{INSERT_ONCE};"
#: The same rows as an ORM would send them: a transaction of a statement for each table.
EACH_TABLE: Final = """
BEGIN;
INSERT INTO idempotency_key (owner, route, key_hash, request_hash, state, object_id, status, body,
  created_at) VALUES (%(owner)s, %(route)s, %(key_hash)s, %(request_hash)s, 'done', %(id)s, 201,
  %(answer)s, %(created_at)s);
INSERT INTO bill (id, agency_id, reference, status, amount, dossier_number, channel, language,
  return_url, extra, expires_at, created_at, opened_on) VALUES (%(id)s, %(agency_id)s,
  %(reference)s, %(status)s, %(amount)s, %(dossier_number)s, %(channel)s, %(language)s,
  %(return_url)s, %(extra)s, %(expires_at)s, %(created_at)s, %(opened_on)s);
INSERT INTO reference (reference, kind, agency_id, created_at) VALUES (%(reference)s, 'bill',
  %(agency_id)s, %(created_at)s);
INSERT INTO bill_line SELECT (jsonb_populate_recordset(jsonb_populate_record(NULL::bill_line,
  jsonb_build_object('bill_id', %(id)s)), CAST(%(lines)s AS jsonb))).*;
INSERT INTO payer_data (subject_id, data, created_at) VALUES (%(id)s, %(payer)s, %(created_at)s);
INSERT INTO audit_entry (at, actor, action, object_id, details) VALUES (%(created_at)s, %(actor)s,
  %(event)s, %(id)s, %(audit)s);
COMMIT;
"""


def places(statements: str) -> frozenset[str]:
    """The names of the values that statements ask for."""
    return frozenset(_PLACE.findall(statements))


class PgBenchFailed(Exception):
    """`pgbench` could not run, or one of its statements was refused."""


@dataclass(frozen=True, slots=True)
class PgBench:
    """`pgbench` on one database, with the values of a bill."""

    socket: str
    user: str
    database: str
    values: Mapping[str, str]

    @classmethod
    def like_the_last_bill(cls, url: str) -> "PgBench":
        """For the database at `url`, a socket's. Raises `LookupError` where it has no bill yet."""
        address = make_url(url)
        socket, user = str(address.query["host"]), str(address.username)
        with psycopg.connect(host=socket, user=user, dbname=address.database) as connection:
            row = connection.cursor(row_factory=dict_row).execute(_GIVEN).fetchone()
        if row is None:
            raise LookupError("no bill whose values could be taken")
        return cls(socket, user, str(address.database), row)

    def rate(self, statements: str, *, clients: int, seconds: int) -> float:
        """Transactions per second. Raises `PgBenchFailed` where one of them failed."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as script:
            script.write(_NUMBER + _PLACE.sub(_value, statements))
            script.flush()
            command = [get_programs(None).path("pgbench"), "--host", self.socket]
            command += ["--username", self.user, "--no-vacuum", "--protocol", "prepared"]
            command += ["--client", str(clients), "--time", str(seconds), "--file", script.name]
            for name, value in self.values.items():
                command += ["--define", f"{name}={value}"]
            done = subprocess.run(
                [*command, self.database],
                check=False,
                capture_output=True,
                text=True,
                env=ENVIRONMENT,
            )
        found = _RATE.search(done.stdout)
        if done.returncode != 0 or found is None:
            raise PgBenchFailed(done.stderr.strip()[-1000:])
        return float(found[1])


def _value(place: re.Match[str]) -> str:
    name = place[1]
    if name in _MADE_UP:
        return _MADE_UP[name]
    return f"CAST(:{name} AS {_TYPES.get(name, 'text')})"
