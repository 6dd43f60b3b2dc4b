"""`lephi doctor`: every setting, and whether what it names is there."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

import typer
from cryptography import x509
from sqlalchemy import func
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from adapters.keystore.files import is_there
from adapters.keystore.waiting import find_in_force, fingerprint_of
from app.anchors import anchor_files, due, stamp_of
from app.cli.console import Json, fail, show, show_table
from app.cli.settings import database_url_or_fail
from app.disk import LEAST_FREE, free_bytes
from app.migrations.run import pending
from app.signing_key_approvals import is_noted
from app.wiring import calendar_of, open_database, signer_of
from core import clock
from core.clocks import MOST_APART, measure_drift
from core.database_role import DatabaseRole, get_role
from core.days import day_text
from core.db import Database
from core.errors import LephiError
from core.heartbeats import SILENCE, find_silence
from core.outbox import OutboxDelivery
from core.pooler import look_for_pooler
from core.settings import Settings, load
from core.settings_listing import listing
from core.statements import ReadSql
from payments.administration.deciders import list_lonely_bodies
from payments.agencies.models import CollectionAccount
from payments.incoming.models import Callback
from receipts.verification import signer_name
from reconciliation.days.nightly import find_missed_nights


def doctor(as_json: Json = False) -> None:
    """Show every setting, and whether what they name is there; exit 1 if something is not.

    A warning (`warn`) says what will need a person, and is no fault yet.
    """
    try:
        settings = load()
    except LephiError as error:
        fail(error)
    settings_rows = listing(settings)
    checks = _checks(settings)
    if as_json:
        show(
            {
                "settings": {row.variable: row.value for row in settings_rows},
                "checks": [asdict(one) for one in checks],
            }
        )
    else:
        rows = [(row.variable, row.value, row.description) for row in settings_rows]
        show_table(("Setting", "Value", "What for"), rows)
        typer.echo()
        show_table(("Check", "", "Detail"), [(c.check, c.mark, c.detail) for c in checks])
    if not all(one.ok for one in checks):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Check:
    """Something looked at: whether it is as it should be; `warning` where it is so for now only."""

    check: str
    ok: bool
    detail: str
    warning: bool = False

    @property
    def mark(self) -> str:
        return "FAULT" if not self.ok else "warn" if self.warning else "ok"


def _checks(settings: Settings) -> list[_Check]:
    free = free_bytes(settings.data_dir)
    room = f"{free // 1_000_000} MB free at {settings.data_dir} and for files that are sent"
    checks = [
        _Check("disk", free > LEAST_FREE, room),
        _check_key(settings),
        _check_calendar(settings),
    ]
    if settings.database_url is None:
        checks.append(_Check("database", settings.mode != "production", "not named"))
        return checks
    url = database_url_or_fail(settings)
    try:
        pooler = look_for_pooler(url, expected=settings.behind_pooler)
        if pooler is not None:
            checks.append(_Check("pooler", not pooler.faults, pooler.detail))
            if not settings.behind_pooler:
                return checks  # nothing of ours could open a connection
        steps = pending(url)
        detail = f"pending: {', '.join(steps)}" if steps else "current"
        checks.append(_Check("schema", not steps, detail))
        if not steps:
            checks.extend(asyncio.run(_ask_database(settings)))
    except (SQLAlchemyError, LephiError) as error:
        checks.append(_Check("database", False, str(error).splitlines()[0]))
    return checks


def _check_key(settings: Settings) -> _Check:
    """Whether receipts can be signed: a fault says what to do."""
    if settings.mode != "production" and not is_there(settings.signing_dir):
        return _Check("signing key", True, "made at the first start; production needs its own")
    try:
        signer = signer_of(settings)
    except LephiError as error:
        return _Check("signing key", False, error.detail)
    own = x509.load_pem_x509_certificate(signer.certificate_pem)
    until = own.not_valid_after_utc
    valid = own.not_valid_before_utc <= clock.now() <= until
    return _Check("signing key", valid, f"{signer_name(own)}, valid to {until:%d/%m/%Y}")


def _check_calendar(settings: Settings) -> _Check:
    """Whether the days are known: a Tết that nobody has announced is a forecast."""
    try:
        forecast = calendar_of(settings).find_forecast(clock.business_date(clock.now()))
    except LephiError as error:
        return _Check("calendar", False, error.detail)
    if forecast is None:
        return _Check("calendar", True, "the coming Tết is confirmed")
    told = (
        f"Tết {forecast.first.year} ({day_text(forecast.first)} to {day_text(forecast.last)}) is a"
        " forecast: confirm or correct it in LEPHI_CALENDAR_FILE once it is announced"
    )
    return _Check("calendar", True, told, warning=True)


async def _ask_database(settings: Settings) -> list[_Check]:
    database = open_database(settings)
    try:
        return await _look(database, settings)
    finally:
        await database.dispose()


@dataclass(frozen=True, slots=True)
class _Server:
    """What the database server says of itself."""

    version: str
    fsync: str
    #: whether this connection is encrypted
    encrypted: bool
    #: whether it stays on this machine
    here: bool


#: The server's version, whether a commit waits for the disk, and how we are connected.
_SERVER = ReadSql(
    _Server,
    "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,"
    " (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) IS TRUE AS encrypted,"
    " inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr() AS here",
)
_ASIDE = select(func.count()).where(OutboxDelivery.state == "set_aside")
_UNCONFIRMED = (
    select(CollectionAccount.code)
    .where(col(CollectionAccount.confirmed_at).is_(None))
    .order_by(CollectionAccount.code)
)
_WAITING = select(func.count()).where(Callback.state != "applied")
_STRANGE_KEY = _Check(
    "signing key's entry",
    True,
    "no entry of the audit log says how this key came here: ask who put it there",
    warning=True,
)


async def _look(database: Database, settings: Settings) -> list[_Check]:
    async with database.reading() as session:
        role = await get_role(session)
        server = await session.one(_SERVER)
        aside = await session.one(_ASIDE)
        waiting = await session.one(_WAITING)
        silence = await find_silence(session)
        drift = await measure_drift(session)
        lonely = await list_lonely_bodies(session) if settings.two_people else []
        accounts = await session.all(_UNCONFIRMED)
        missed = await find_missed_nights(session, calendar_of(settings))
        signing = find_in_force(settings.signing_dir)
        noted = signing is None or await is_noted(session, fingerprint_of(signing))
    return [
        _Check("database", True, f"PostgreSQL {server.version}"),
        _Check("durability", server.fsync == "on", f"fsync is {server.fsync}"),
        _check_connection(server, settings),
        _Check("outbox", aside == 0, f"{aside} deliveries set aside (lephi outbox list)"),
        _Check("callbacks", waiting == 0, f"{waiting} kept but not applied (lephi notices list)"),
        _Check(
            "clocks",
            abs(drift) <= MOST_APART,
            f"the database's is {drift.total_seconds():+.1f} s from the machine's",
        ),
        _check_worker(silence),
        _Check("nightly runs", missed is None, missed or "none is missed"),
        _check_role(role, settings),
        _check_anchors(settings),
        _check_two_people(settings.two_people, lonely),
        _check_accounts(accounts),
        *([] if noted or not settings.two_people else [_STRANGE_KEY]),
    ]


def _check_connection(server: _Server, settings: Settings) -> _Check:
    """Whether others on the network could read, or be, the database."""
    if server.here:
        return _Check("connection", True, "stays on this machine")
    if not server.encrypted:
        strict = settings.mode == "production"
        told = "crosses the network in plain: put sslmode=verify-full into LEPHI_DATABASE_URL"
        return _Check("connection", not strict, told, warning=not strict)
    if "sslmode=verify-" in (settings.database_url or ""):
        return _Check("connection", True, "encrypted, and the server's certificate is checked")
    told = "encrypted, but with whom is not checked: put sslmode=verify-full into the address"
    return _Check("connection", True, told, warning=True)


def _check_role(role: DatabaseRole, settings: Settings) -> _Check:
    """Whether the service runs under a role that could undo the database's own guards."""
    if not role.excess:
        return _Check("database role", True, f"{role.name} owns nothing")
    told = (
        f"{role.name} {role.excess}: migrate as the owner with LEPHI_RUNTIME_ROLE set, and run"
        " serve and worker as that role (docs/operate.md)"
    )
    strict = settings.mode == "production"
    return _Check("database role", not strict, told, warning=not strict)


def _check_anchors(settings: Settings) -> _Check:
    """Whether the end of the audit chain is kept outside, lately."""
    files = anchor_files(settings.anchor_dir)
    if not files:
        told = f"none in {settings.anchor_dir} yet: the worker writes them, or lephi anchor"
        return _Check("anchors", True, told, warning=True)
    late = due(files[-1], timedelta(hours=2 * settings.anchor_hours))
    told = f"{len(files)}, the newest {files[-1].name}"
    if settings.anchor_tsa_url is not None and not stamp_of(files[-1]).exists():
        told += ", which no authority has stamped yet"
        late = True
    return _Check("anchors", True, told, warning=late)


def _check_two_people(two_people: bool, lonely: Sequence[str]) -> _Check:
    """Whether each body has somebody to ask and somebody else to decide."""
    if not two_people:
        return _Check("two people", True, "not asked for: what is set up is done at once")
    if not lonely:
        return _Check("two people", True, "every body has two who can decide")
    told = f"fewer than two who can decide at {', '.join(lonely[:10])}: lephi user create"
    return _Check("two people", True, told, warning=True)


def _check_accounts(unconfirmed: Sequence[str]) -> _Check:
    """Whether two people stand by each account that payers are told."""
    if not unconfirmed:
        return _Check("accounts", True, "each is confirmed")
    told = f"payers see as unconfirmed: {', '.join(unconfirmed[:10])} (lephi approvals list)"
    return _Check("accounts", True, told, warning=True)


def _check_worker(silence: timedelta | None) -> _Check:
    """Whether a worker works; where none ever has, this may well come before its first start."""
    if silence is None:
        return _Check("worker", True, "none has run yet: start lephi worker", warning=True)
    seconds = int(silence.total_seconds())
    if silence > SILENCE:
        told = f"stopped: no sign of life for {seconds} s, receipts wait (start lephi worker)"
        return _Check("worker", False, told)
    return _Check("worker", True, f"last sign of life {seconds} s ago")
