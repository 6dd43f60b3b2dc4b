"""What a demonstration starts with: keys made up on the spot, a body, people, a bill to pay."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from adapters.registry import infos
from adapters.sandbox.engine.discovery import demo_credentials
from app.parts import Parts
from app.seed.agency import DEMO_ACCOUNT, DemoBody, configure_gateway, seed_body
from app.seed.catalogue import seed_catalogue
from core import clock
from core.crypto import hash_token, write_private
from core.sessions import WriteSession
from payments.agencies.access.api_keys import create_api_key
from payments.agencies.access.models import ApiKey, StaffUser
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import create_staff_user
from payments.bills.create import create_bill_within
from payments.bills.models import Bill
from payments.bills.new_bill import BillRequest
from payments.bills.static_references import static_reference
from payments.catalogue.queries import schedule_of_code
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import FeeRequest
from payments.catalogue.rules.pricing import price_fees

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


async def seed_demo(parts: Parts, kept_at: Path, sandbox_url: str) -> DemoSeed:
    """Make the demo's data the first time; later only what depends on the ports and the day."""
    async with parts.database.transaction() as session:
        body = await seed_body(session)
        await seed_catalogue(session, local={"ha-noi": body.agency_id})
        kept = _read(kept_at)
        if kept is None or not await _is_known(session, kept.api_key):
            kept = await _make_up(session, body)
        before = asdict(kept)
        kept.staff = await _staff(session, body, kept.staff)
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
        kept.pay_url = await _payable(session, parts, body)
    return kept


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


async def _staff(
    session: WriteSession, body: DemoBody, told: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Everybody of the body with a key of theirs; who was told of before keeps what they had.

    A demo of before the keys and the collector gets them, and so does one that was killed between
    writing its words down and committing them.
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
                "totp_secret": None,
                "api_key": key,
            }
        )
    return staff


async def _make_up(session: WriteSession, body: DemoBody) -> DemoSeed:
    _, api_key = await create_api_key(
        session, agency_id=body.agency_id, label="demo portal", actor="system:demo"
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
