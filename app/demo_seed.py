"""What a demonstration starts with: keys made up on the spot, a body, people, a bill to pay."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import time
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from adapters.registry import infos
from adapters.sandbox.engine.discovery import demo_credentials
from app.parts import Parts
from app.seed.agency import DEMO_ACCOUNT, DemoBody, configure_gateway, seed_body
from app.seed.catalogue import DEMO_SCHEDULES, seed_catalogue
from app.seed.market import seed_market
from app.seed.market_money import seed_market_money
from app.seed.stall_page import open_page
from app.seed.walk import seed_walk
from core import clock
from core.crypto import Cipher, hash_token, write_private
from core.sessions import WriteSession
from payments.agencies.access import second_factors
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.models import ApiKey, StaffUser
from payments.agencies.access.rights import PORTAL_SCOPES, Role, Scope
from payments.agencies.access.staff import create_staff_user
from payments.agencies.access.totp import readable
from payments.agencies.queries import get_collection_account
from payments.bills.create import create_bill_within
from payments.bills.models import Bill
from payments.bills.new_bill import BillRequest
from payments.bills.static_references import static_reference
from payments.catalogue.queries import schedule_of_code
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import FeeRequest
from payments.catalogue.rules.pricing import price_fees
from payments.message_calls import ChannelAccess
from payments.messages.channels import set_channel
from receipts.invoice_calls import InvoiceAccess
from receipts.invoices.accounts import set_invoice_account
from receipts.invoices.law import InvoiceKind
from reconciliation.days.schedules import NewSchedule, list_schedules, set_schedule

#: When the demo's days are reconciled: after every bank's cut-off.
_EVENING = time(17, 30)
#: The last part of the demo's callback paths.
_PLACE = "ben-mau"


@dataclass(slots=True)
class DemoSeed:
    """What the demo made up; kept in its data folder (0600) so that a restart knows it again."""

    agency: str
    api_key: str = field(repr=False)
    staff: list[dict[str, Any]] = field(repr=False)
    gateways: dict[str, dict[str, str]] = field(repr=False)
    pay_url: str = ""
    #: the page of a stall, opened; None where nobody holds one
    vendor_url: str | None = None


async def seed_demo(parts: Parts, kept_at: Path, sandbox_url: str) -> DemoSeed:
    """Make the demo's data the first time; later only what depends on the ports and the day."""
    async with parts.database.transaction() as session:
        body = await seed_body(session)
        await seed_catalogue(session, local=dict.fromkeys(DEMO_SCHEDULES, body.agency_id))
        kept = _read(kept_at)
        if kept is None or not await _is_known(session, kept.api_key):
            kept = await _make_up(session, body)
        before = asdict(kept)
        kept.staff = await _staff(session, parts.cipher, body, kept.staff)
        # A data folder of an older version does not know the gateways that came since.
        kept.gateways = _make_up_gateways() | kept.gateways
        if asdict(kept) != before:
            _keep(kept_at, kept)
        for name, values in kept.gateways.items():
            await configure_gateway(
                session,
                parts.cipher,
                agency_id=body.agency_id,
                collection_account_id=body.collection_account_id,
                gateway=name,
                account=values["account"],
                base_url=f"{sandbox_url}/{name}",
                credentials=credentials_of(values),
            )
    async with parts.database.transaction() as session:
        for code in ("chung-thuc-chu-ky",):
            await static_reference(session, body.agency_id, code)
        await _have_nights(session, body)
        await _have_telephones(session, parts, body, sandbox_url)
        await _have_invoices(session, parts, body, sandbox_url)
        cipher, key = parts.cipher, parts.payments.request_key
        market = await seed_market(session, body.agency_id, cipher=cipher, key=key)
        account = await get_collection_account(session, body.collection_account_id)
        await seed_market_money(session, market, account, cipher)
        kept.vendor_url = await open_page(session, parts, market)
        collector = next(one["email"] for one in kept.staff if one["role"] == Role.COLLECTOR)
        await seed_walk(session, market, collector, cipher=cipher)
        kept.pay_url = await _payable(session, parts, body)
    return kept


async def _have_nights(session: WriteSession, body: DemoBody) -> None:
    """The body's days are reconciled by themselves, from the first start on."""
    if await list_schedules(session, [body.agency_id]):
        return
    today = clock.business_date(clock.now())
    new = NewSchedule(body.agency_id, None, today, _EVENING)
    await set_schedule(session, new, actor="system:demo")


async def _have_telephones(
    session: WriteSession, parts: Parts, body: DemoBody, sandbox_url: str
) -> None:
    """Payers who leave a phone are told by the sandbox's SMS, wherever it is this time."""
    keys = {"api_key": "demo", "secret_key": "demo"}
    access = ChannelAccess("sms", f"{sandbox_url}/phones/sms", "BENMAU", False, keys)
    senders = parts.messages.senders
    await set_channel(session, parts.cipher, senders, body.agency_id, access, actor="system:demo")


async def _have_invoices(
    session: WriteSession, parts: Parts, body: DemoBody, sandbox_url: str
) -> None:
    """Who pays for a stall gets an invoice of the sandbox's provider, wherever it is this time."""
    access = InvoiceAccess("plain", f"{sandbox_url}/e-invoices", {"token": "demo"})
    kind, providers = InvoiceKind("2", "C", "M", "AA"), parts.invoicing.providers
    await set_invoice_account(
        *(session, parts.cipher, providers, body.agency_id, kind, None, access),
        actor="system:demo",
    )


def _read(kept_at: Path) -> DemoSeed | None:
    if not kept_at.exists():
        return None
    return DemoSeed(**json.loads(kept_at.read_text("utf-8")))


def _keep(kept_at: Path, made_up: DemoSeed) -> None:
    # A start that was killed before its commit has left words without deeds.
    kept_at.unlink(missing_ok=True)
    write_private(kept_at, json.dumps(asdict(made_up)).encode())


async def _is_known(session: WriteSession, api_key: str) -> bool:
    wanted = select(ApiKey.id).where(ApiKey.hash == hash_token(api_key))
    return await session.first(wanted) is not None


#: Who works for the body: the part of their address before the @, their role, their name.
_PEOPLE = (
    ("clerk", Role.CLERK, "Nguyễn Thị Thử"),
    ("finance", Role.FINANCE, "Trần Văn Mẫu"),
    ("finance2", Role.FINANCE, "Đỗ Thị Nháp"),
    ("chief", Role.CHIEF, "Lê Thị Ví Dụ"),
    ("admin", Role.ADMIN, "Phạm Văn Nháp"),
    ("auditor", Role.AUDITOR, "Hoàng Thị Kiểm"),
    ("collector", Role.COLLECTOR, "Vũ Văn Chợ"),
)


async def _factor(session: WriteSession, cipher: Cipher, person_id: str) -> str:
    """The second factor of a demo's person, set up; its secret as an app takes it."""
    factor = await second_factors.begin_factor(session, cipher, person_id)
    if factor.confirmed_at is None:
        await second_factors.confirm(session, person_id)
    return readable(factor.secret)


async def _staff(
    session: WriteSession, cipher: Cipher, body: DemoBody, told: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Everybody of the body with a key of theirs; who was told of before keeps what they had.

    A demo of before the keys, the collector and the second factors gets them, and so does one that
    was killed between writing its words down and committing them.
    """
    before = {person["email"]: person for person in told}
    staff = []
    for local, role, name in _PEOPLE:
        email = f"{local}@ben-mau.example.vn"
        known = before.get(email, {})
        password = known.get("password") or secrets.token_urlsafe(12)
        person_id = await session.first(select(StaffUser.id).where(StaffUser.email == email))
        if not known or person_id is None:
            person = await create_staff_user(
                session,
                agency_id=body.agency_id,
                email=email,
                name=name,
                password=password,
                roles=[role],
                actor="system:demo",
            )
            person_id = person.id
        key = known.get("api_key")
        if key is None or not await _is_known(session, key):
            _, key = await create_api_key(
                session,
                agency_id=body.agency_id,
                label="demo",
                staff_id=person_id,
                actor="system:demo",
            )
        staff.append(
            {
                "email": email,
                "password": password,
                "role": str(role),
                "totp_secret": await _factor(session, cipher, person_id),
                "api_key": key,
            }
        )
    return staff


async def _make_up(session: WriteSession, body: DemoBody) -> DemoSeed:
    _, api_key = await create_api_key(
        session,
        agency_id=body.agency_id,
        label="demo portal",
        scopes=(*PORTAL_SCOPES, Scope.WEBHOOKS),
        actor="system:demo",
    )
    return DemoSeed(body.agency_code, api_key, [], {})


def credentials_of(values: Mapping[str, str]) -> dict[str, str]:
    """The credentials among what the demo tells of an account."""
    return {k: v for k, v in values.items() if k not in ("account", "callback_path")}


def _make_up_gateways() -> dict[str, dict[str, str]]:
    """An account at every gateway and feed that the sandbox can play, with made-up credentials."""
    made_up = {}
    for info in infos():
        credentials = demo_credentials(info.name, DEMO_ACCOUNT)
        if credentials is not None:
            path = f"/callbacks/{info.name}/{_PLACE}"
            made_up[info.name] = {"account": _PLACE, "callback_path": path} | credentials
    return made_up


async def _payable(session: WriteSession, parts: Parts, body: DemoBody) -> str:
    """The address of an open bill: three pages of certified copies, made anew when it is paid."""
    bill = await session.first(
        select(Bill)
        .where(Bill.agency_id == body.agency_id, Bill.status == "open", Bill.channel == "counter")
        .order_by(col(Bill.created_at).desc())
    )
    if bill is not None:
        return parts.payments.urls.pay(bill.id, bill.reference)
    today = clock.business_date(clock.now())
    schedule = await schedule_of_code(session, body.agency_id, "2.000815")
    lines = price_fees(schedule, "2.000815", FeeRequest(3), Circumstances(today))
    request = BillRequest(
        agency_id=body.agency_id,
        lines=tuple(lines),
        channel="counter",
        opened_on=today,
        dossier_number="H00.01-261122-0001",
        payer={"name": "Nguyễn Văn An"},
    )
    made = await create_bill_within(session, request, actor="system:demo", cipher=parts.cipher)
    return parts.payments.urls.pay(made.id, made.reference)
