"""A public body to start a demonstration with; everything about its accounts is visibly unreal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import select

from core import clock
from core.crypto import Cipher
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.models import Agency, CollectionAccount, GatewayAccountRow

#: No bank in Vietnam has this BIN, so no real money can ever be sent to the demo's account.
DEMO_BIN = "999999"
DEMO_ACCOUNT = "DEMO00000001"
DEMO_NAME = "UBND phường Bến Mẫu"


@dataclass(frozen=True, slots=True)
class DemoBody:
    """The ids of the demonstration body and its account."""

    agency_id: str
    agency_code: str
    collection_account_id: str
    collection_code: str


async def seed_body(session: WriteSession) -> DemoBody:
    """The demonstration body, made now if it is not there yet."""
    code = "ubnd-ben-mau"
    agency = (await session.exec(select(Agency).where(Agency.code == code))).first()
    if agency is None:
        agency = Agency(
            id=new_id("agency"),
            code=code,
            name=DEMO_NAME,
            name_en="People's Committee of Ben Mau Ward",
            tax_code="0100000000",
            address="1 đường Thử Nghiệm, phường Bến Mẫu",
            phone="024 0000 0000",
            return_origins=["https://dichvucong.example.vn", "http://127.0.0.1"],
            created_at=clock.now(),
        )
        session.add(agency)
        await session.flush()
    wanted = select(CollectionAccount).where(CollectionAccount.agency_id == agency.id)
    account = (await session.exec(wanted)).first()
    if account is None:
        account = CollectionAccount(
            id=new_id("acct"),
            agency_id=agency.id,
            code="kbnn-ben-mau",
            bank_bin=DEMO_BIN,
            account_number=DEMO_ACCOUNT,
            account_name="TK THU THU NGHIEM - KHONG CO THAT",
            created_at=clock.now(),
        )
        session.add(account)
        await session.flush()
    return DemoBody(agency.id, agency.code, account.id, account.code)


async def configure_gateway(
    session: WriteSession,
    cipher: Cipher,
    *,
    agency_id: str,
    collection_account_id: str,
    gateway: str,
    account: str,
    base_url: str,
    credentials: Mapping[str, str],
) -> str:
    """Add an account at a gateway or feed, or change it; its id."""
    wanted = select(GatewayAccountRow).where(
        GatewayAccountRow.gateway == gateway, GatewayAccountRow.account == account
    )
    row = (await session.exec(wanted)).first()
    row_id = new_id("gw") if row is None else row.id
    sealed = cipher.encrypt(json.dumps(dict(credentials)).encode(), f"gateway:{row_id}")
    if row is None:
        row = GatewayAccountRow(
            id=row_id,
            agency_id=agency_id,
            gateway=gateway,
            account=account,
            base_url=base_url,
            credentials=sealed,
            collection_account_id=collection_account_id,
            created_at=clock.now(),
        )
    row.base_url, row.credentials = base_url, sealed
    row.collection_account_id = collection_account_id
    session.add(row)
    await session.flush()
    return row_id
