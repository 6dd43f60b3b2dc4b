"""Puts the parts together: the one place that knows every package and every adapter."""

import asyncio
import hashlib
import hmac
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Any, Final

from adapters.bank_qr.transfer import VietQrTransfer
from adapters.invoices.providers import InvoiceDirectory
from adapters.keystore.demo import ensure_demo_keystore
from adapters.keystore.files import trusted_certificates
from adapters.keystore.signer import SoftwareKeystore
from adapters.mail import MailServer
from adapters.messages.senders import Senders
from adapters.registry import Directory
from adapters.timestamps import TimestampAuthority, read_roots
from adapters.webhooks import WebhookClient
from app.anchors import AnchorPlaces
from app.apart import run_apart
from app.children import ChildPool
from app.handlers import HANDLERS
from app.invariants import Evidence
from app.knowledge import KNOWLEDGE
from app.parts import Parts
from app.receipt_messages import compose_receipt
from app.seed.agency import DEMO_NAME
from app.signing_key_approvals import signing_key_kinds
from core import failpoints, log
from core.audit import Sealer
from core.background import Background
from core.bulkheads import Bulkheads
from core.calendar import Calendar, calendar_with, national
from core.crypto import Cipher, load_or_create_key
from core.db import Database
from core.errors import Invalid, LephiError
from core.handlers import subscriptions_of
from core.settings import DEMO_MARKER, Settings
from payments.administration.deeds import Administration
from payments.administration.door import administration_kinds
from payments.agencies.access.principals import Keyring
from payments.agencies.breakers import Breakers
from payments.agencies.memory import Agencies
from payments.attempts.commands import ask_about
from payments.billing.approvals import market_kinds
from payments.billing.reminding.commands import compose_reminder
from payments.books.places import Places
from payments.books.resolutions import suspense_kinds
from payments.catalogue.prices import PriceBook
from payments.context import Context
from payments.debts.approvals import debt_kinds
from payments.messages.delivering import Composer, MessageContext
from payments.refunds.deciding import refund_kinds
from payments.urls import Urls
from payments.webhooks.delivering import WebhookContext
from receipts.commands import IssuingContext
from receipts.content import ReceiptContent, SignatureNote
from receipts.display import Display
from receipts.evidence import Opener
from receipts.invoices.context import InvoiceContext
from receipts.pdf import draw
from receipts.ports import KeyFault, Signer
from receipts.queries import Receipts
from reconciliation.cases.approvals import discrepancy_kinds
from reconciliation.cases.reopening import reopening_kinds
from reconciliation.closing import minutes_pdf, minutes_xlsx
from reconciliation.closing.closing import closing_kinds
from reconciliation.closing.minutes_files import FileKind, MinutesPress
from reconciliation.context import ReconciliationContext
from reconciliation.days.day_rules import day_rule_kinds
from reconciliation.days.undoing import undoing_kinds
from reconciliation.settlements.batch_approvals import batch_kinds
from reconciliation.settlements.versions import version_kinds
from reconciliation.statements.approvals import statement_kinds
from reconciliation.statements.forced import forced_kinds
from reconciliation.statements.superseding import superseding_kinds

#: At one account at a gateway one process starts so many attempts at once: each waits for up to
#: half a minute where nothing answers, and keeps what it needs of the process meanwhile.
STARTS_AT_ONCE: Final = 20


class DatabaseMissing(LephiError):
    """No database is named: set LEPHI_DATABASE_URL, or use `lephi demo`, which brings its own."""

    code = "database_missing"


def origin(settings: Settings) -> dict[str, str | int]:
    """What a process says of itself when it starts and stops."""
    return {"version": version("lephi"), "mode": settings.mode, "pid": os.getpid()}


def derive(master: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose, from the one master key (HMAC-SHA256 as a PRF).

    A purpose's name is never changed, whatever is renamed around it: what was handed out under it
    (addresses of bills) or stored (personal data, hashes of requests) would be worth nothing.
    """
    return hmac.new(master, b"lephi:" + purpose.encode(), hashlib.sha256).digest()


def signer_of(settings: Settings) -> SoftwareKeystore:
    """The signing key: the body's own in production, one made at first start elsewhere.

    Raises `KeyFault`, which says what to do.
    """
    folder = settings.signing_dir
    if settings.mode != "production":
        return ensure_demo_keystore(folder, DEMO_NAME)
    if (folder / DEMO_MARKER).exists():
        raise KeyFault(
            f"The signing key in {folder} was made for a demo; production needs its own."
        )
    return SoftwareKeystore.load(folder, settings.signing_secret)


def calendar_of(settings: Settings) -> Calendar:
    """The working days, with those of the operator's own file.

    Raises `Invalid`, which names the file's entries that are wrong, or says that there is none.
    """
    return national() if settings.calendar_file is None else calendar_with(settings.calendar_file)


def authority_of(settings: Settings) -> TimestampAuthority | None:
    """Who stamps anchors, where somebody is named. Raises `Invalid` for a file that is no roots."""
    if settings.anchor_tsa_url is None or settings.anchor_tsa_roots is None:
        return None
    try:
        roots = read_roots(settings.anchor_tsa_roots.read_bytes())
    except (OSError, ValueError) as error:
        path = settings.anchor_tsa_roots
        raise Invalid(f"LEPHI_ANCHOR_TSA_ROOTS: no certificates can be read in {path}.") from error
    return TimestampAuthority(settings.anchor_tsa_url, roots)


def open_database(settings: Settings) -> Database:
    """The database of the settings. Raises `DatabaseMissing`."""
    if settings.database_url is None:
        raise DatabaseMissing("LEPHI_DATABASE_URL is not set: name a PostgreSQL database.")
    url = settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    return Database(
        url,
        subscriptions=subscriptions_of(HANDLERS),
        pool_size=settings.pool_size,
        behind_pooler=settings.behind_pooler,
    )


@asynccontextmanager
async def parts_of(settings: Settings, children: ChildPool | None = None) -> AsyncIterator[Parts]:
    """Open everything, and close it at the end of the block.

    Helper processes that are given, `children`, are somebody else's, and go on.
    """
    log.configure(settings.log_level)
    failpoints.configure(settings.failpoints)
    master = load_or_create_key(settings.field_key_file)
    cipher = Cipher(derive(master, "fields"))
    signer = signer_of(settings)
    calendar = calendar_of(settings)
    authority = authority_of(settings)
    database = open_database(settings)
    directory = Directory()
    pool = children or ChildPool()
    urls = Urls(settings.base_url, derive(master, "links"))
    receipts = Receipts()
    background = Background()
    context = Context(
        database=database,
        cipher=cipher,
        agencies=Agencies(database, cipher),
        price_book=PriceBook(),
        gateways=directory,
        urls=urls,
        qr=VietQrTransfer(),
        receipts=receipts,
        money=Places(),
        request_key=derive(master, "requests"),
        background=background,
        breakers=Breakers(database),
        starting=Bulkheads(STARTS_AT_ONCE),
        elsewhere=pool.run,
    )
    reconciling = ReconciliationContext(
        database=database,
        cipher=cipher,
        elsewhere=pool.run,
        apart=run_apart,
        background=background,
        calendar=calendar,
        ask=partial(ask_about, context),
        request_key=derive(master, "requests"),
    )
    administration = Administration(settings.two_people, cipher, KNOWLEDGE)
    try:
        yield Parts(
            settings=settings,
            children=pool,
            database=database,
            cipher=cipher,
            keyring=Keyring(database),
            knowledge=KNOWLEDGE,
            payments=context,
            issuing=IssuingContext(
                cipher=cipher,
                signer=signer,
                check_url=urls.receipt_check,
                gateway_title=partial(_title, directory),
                demo=settings.mode != "production",
            ),
            display=_display(database, cipher, signer, pool),
            reconciling=reconciling,
            minutes_press=_minutes_press(database, cipher, signer, pool),
            approval_kinds={
                **suspense_kinds(cipher),
                **refund_kinds(),
                **market_kinds(cipher),
                **debt_kinds(cipher, derive(master, "requests")),
                **statement_kinds(cipher),
                **forced_kinds(reconciling),
                **superseding_kinds(reconciling),
                **undoing_kinds(),
                **discrepancy_kinds(cipher),
                **reopening_kinds(),
                **batch_kinds(cipher),
                **version_kinds(cipher),
                **day_rule_kinds(),
                **closing_kinds(demo=settings.mode != "production"),
                **administration_kinds(administration),
                **signing_key_kinds(settings.signing_dir),
            },
            evidence=Evidence(
                Sealer(derive(master, "seals")),
                Opener(cipher, trusted_certificates(settings.signing_dir), pool.run),
                authority,
            ),
            anchoring=AnchorPlaces(
                folder=settings.anchor_dir,
                every=timedelta(hours=settings.anchor_hours),
                signer=signer,
                mail=MailServer(settings.smtp_url, settings.mail_from)
                if settings.smtp_url
                else None,
                mail_to=settings.anchor_mail_to,
                authority=authority,
            ),
            administration=administration,
            webhooks=WebhookContext(
                database, cipher, WebhookClient(loopback=settings.webhook_loopback)
            ),
            messages=MessageContext(
                *(database, cipher, Senders(), _composers(cipher, urls)),
                report_url=urls.message_reports,
            ),
            invoicing=InvoiceContext(
                database, cipher, InvoiceDirectory(), partial(_title, directory)
            ),
        )
    finally:
        await background.aclose()
        await directory.aclose()
        await database.dispose()
        if children is None:
            pool.close()


def _composers(cipher: Cipher, urls: Urls) -> dict[str, Composer]:
    """What puts each kind of message together, as it is true when it is sent."""
    return {
        "reminder": lambda session, message: compose_reminder(session, cipher, urls, message),
        "receipt": lambda session, message: compose_receipt(session, cipher, urls, message),
    }


def _title(directory: Directory, name: str) -> str:
    info = directory.find_info(name)
    return name if info is None else info.title_vi


def _display(database: Database, cipher: Cipher, signer: Signer, pool: ChildPool) -> Display:
    async def draw_elsewhere(content: ReceiptContent, note: SignatureNote) -> bytes:
        return await pool.run(draw, content, note)

    async def sign_elsewhere(key: Signer, pdf: bytes) -> bytes:
        return await asyncio.to_thread(key.sign_pdf, pdf)

    return Display(database, cipher, signer, draw_elsewhere, sign_elsewhere)


_WRITERS: Mapping[FileKind, Callable[[Mapping[str, Any], str], bytes]] = {
    "pdf": minutes_pdf.draw,
    "xlsx": minutes_xlsx.write,
}


def _minutes_press(
    database: Database, cipher: Cipher, signer: Signer, pool: ChildPool
) -> MinutesPress:
    async def draw_elsewhere(kind: FileKind, content: Mapping[str, Any], digest: str) -> bytes:
        made: bytes = await pool.run(_WRITERS[kind], content, digest)
        return made

    async def sign_elsewhere(key: Signer, pdf: bytes) -> bytes:
        return await asyncio.to_thread(key.sign_pdf, pdf)

    return MinutesPress(database, cipher, signer, draw_elsewhere, sign_elsewhere)
