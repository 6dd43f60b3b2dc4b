"""Puts the parts together: the one place that knows every package and every adapter."""

import asyncio
import hashlib
import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version

from adapters.bank_qr.transfer import VietQrTransfer
from adapters.keystore.demo import ensure_demo_keystore
from adapters.keystore.files import trusted_certificates
from adapters.keystore.signer import SoftwareKeystore
from adapters.mail import MailServer
from adapters.registry import Directory
from app.anchors import AnchorPlaces
from app.apart import run_apart
from app.children import ChildPool
from app.handlers import HANDLERS
from app.invariants import Evidence
from app.knowledge import KNOWLEDGE
from app.parts import Parts
from app.seed.agency import DEMO_NAME
from core import failpoints, log
from core.audit import Sealer
from core.background import Background
from core.calendar import Calendar, calendar_with, national
from core.crypto import Cipher, load_or_create_key
from core.db import Database
from core.errors import LephiError
from core.handlers import subscriptions_of
from core.settings import DEMO_MARKER, Settings
from payments.administration.deeds import Administration
from payments.administration.door import administration_kinds
from payments.agencies.access.principals import Keyring
from payments.agencies.memory import Agencies
from payments.books.places import Places
from payments.books.resolutions import suspense_kinds
from payments.catalogue.prices import PriceBook
from payments.context import Context
from payments.urls import Urls
from receipts.commands import IssuingContext
from receipts.content import ReceiptContent, SignatureNote
from receipts.display import Display
from receipts.evidence import Opener
from receipts.pdf import draw
from receipts.ports import KeyFault, Signer
from receipts.queries import Receipts
from reconciliation.commands import ReconciliationContext
from reconciliation.forced_statements import forced_kinds
from reconciliation.statement_approvals import statement_kinds


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


def cipher_of(settings: Settings) -> Cipher:
    """The cipher for personal data and credentials at rest."""
    return Cipher(derive(load_or_create_key(settings.field_key_file), "fields"))


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
async def parts_of(settings: Settings) -> AsyncIterator[Parts]:
    """Open everything, and close it at the end of the block."""
    log.configure(settings.log_level)
    failpoints.configure(settings.failpoints)
    master = load_or_create_key(settings.field_key_file)
    cipher = Cipher(derive(master, "fields"))
    signer = signer_of(settings)
    calendar = calendar_of(settings)
    database = open_database(settings)
    directory = Directory()
    pool = ChildPool()
    urls = Urls(settings.base_url, derive(master, "links"))
    receipts = Receipts()
    background = Background()
    reconciling = ReconciliationContext(
        database=database,
        cipher=cipher,
        elsewhere=pool.run,
        apart=run_apart,
        background=background,
        calendar=calendar,
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
            payments=Context(
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
            ),
            issuing=IssuingContext(
                cipher=cipher,
                signer=signer,
                check_url=urls.receipt_check,
                gateway_title=partial(_title, directory),
                demo=settings.mode != "production",
            ),
            display=_display(database, cipher, signer, pool),
            reconciling=reconciling,
            approval_kinds={
                **suspense_kinds(cipher),
                **statement_kinds(cipher),
                **forced_kinds(reconciling),
                **administration_kinds(administration),
            },
            evidence=Evidence(
                Sealer(derive(master, "seals")),
                Opener(cipher, trusted_certificates(settings.signing_dir), pool.run),
            ),
            anchoring=AnchorPlaces(
                folder=settings.anchor_dir,
                every=timedelta(hours=settings.anchor_hours),
                signer=signer,
                mail=MailServer(settings.smtp_url, settings.mail_from)
                if settings.smtp_url
                else None,
                mail_to=settings.anchor_mail_to,
            ),
            administration=administration,
        )
    finally:
        await background.aclose()
        await directory.aclose()
        await database.dispose()
        pool.close()


def _title(directory: Directory, name: str) -> str:
    info = directory.find_info(name)
    return name if info is None else info.title_vi


def _display(database: Database, cipher: Cipher, signer: Signer, pool: ChildPool) -> Display:
    async def draw_elsewhere(content: ReceiptContent, note: SignatureNote) -> bytes:
        return await pool.run(draw, content, note)

    async def sign_elsewhere(key: Signer, pdf: bytes) -> bytes:
        return await asyncio.to_thread(key.sign_pdf, pdf)

    return Display(database, cipher, signer, draw_elsewhere, sign_elsewhere)
