"""A public body to start a demonstration with; everything about its accounts is visibly unreal."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import select

from app.knowledge import KNOWLEDGE
from core.crypto import Cipher
from core.sessions import WriteSession
from payments.agencies import gateways
from payments.agencies.commands import (
    NewAccount,
    NewAgency,
    create_account,
    create_agency,
)
from payments.agencies.models import Agency, CollectionAccount

#: No bank in Vietnam has this BIN, so no real money can ever be sent to the demo's account.
DEMO_BIN = "999999"
DEMO_ACCOUNT = "DEMO00000001"
DEMO_HOLDER = "TK THU THU NGHIEM - KHONG CO THAT"
DEMO_NAME = "UBND phường Bến Mẫu"


@dataclass(frozen=True, slots=True)
class DemoBody:
    """The ids of the demonstration body and its account."""

    agency_id: str
    agency_code: str
    collection_account_id: str
    collection_code: str


_ACTOR = "system:seed"


async def seed_body(session: WriteSession) -> DemoBody:
    """The demonstration body, made now if it is not there yet; it offers every procedure."""
    code = "ubnd-ben-mau"
    agency_id = await session.first(select(Agency.id).where(Agency.code == code))
    if agency_id is None:
        new = NewAgency(
            code=code,
            name=DEMO_NAME,
            name_en="People's Committee of Ben Mau Ward",
            # Its check digit is wrong: nobody has this number.
            tax_code="0100000000",
            address="1 đường Thử Nghiệm, phường Bến Mẫu",
            phone="024 0000 0000",
            return_origins=["https://dichvucong.example.vn", "http://127.0.0.1"],
            offers="all",
        )
        agency_id = await create_agency(session, new, KNOWLEDGE, actor=_ACTOR)
    account = "kbnn-ben-mau"
    of_body = select(CollectionAccount.id).where(CollectionAccount.agency_id == agency_id)
    account_id = await session.first(of_body)
    if account_id is None:
        account_id = await create_account(
            session,
            NewAccount(
                agency_id=agency_id,
                code=account,
                kind="treasury",
                bank_bin=DEMO_BIN,
                number=DEMO_ACCOUNT,
                holder=DEMO_HOLDER,
                unlisted_bank=True,
            ),
            actor=_ACTOR,
            confirmed=True,
        )
    return DemoBody(agency_id, code, account_id, account)


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
    """Add an account at a gateway or feed for a demonstration, or change it; its id."""
    return await gateways.configure_gateway(
        session,
        cipher,
        KNOWLEDGE,
        agency_id=agency_id,
        gateway=gateway,
        account=account,
        collection_account_id=collection_account_id,
        base_url=base_url,
        credentials=credentials,
        actor=_ACTOR,
    )
