"""A feed that asks for a token first: over HTTP, from the token to the credit."""

import json

import pytest
from sqlalchemy import text

from app.seed.agency import DEMO_ACCOUNT, configure_gateway
from core import clock
from core.clock import VIETNAM
from core.ids import new_id
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = {
    "secret": "secret-of-a-client",
    "account_number": DEMO_ACCOUNT,
    "mode": "oauth2",
    "client_id": "thu",
}
PATH = "/callbacks/sepay/oauth"


async def test_a_token_is_asked_for_borne_and_taken(shared_system: System) -> None:
    system = shared_system
    async with system.parts.database.transaction() as session:
        await configure_gateway(
            session,
            system.parts.cipher,
            agency_id=system.body.agency_id,
            collection_account_id=system.body.collection_account_id,
            gateway="sepay",
            account="oauth",
            base_url="https://sepay.example",
            credentials=KEYS,
        )
    system.parts.payments.agencies.forget()
    form = {"grant_type": "client_credentials", "client_id": "thu", "client_secret": "wrong"}
    refused = await system.browser.post(f"{PATH}/token", data=form)
    assert (refused.status_code, refused.json()) == (401, {"error": "invalid_client"})
    given = await system.browser.post(
        f"{PATH}/token", data=form | {"client_secret": KEYS["secret"]}
    )
    assert given.status_code == 200
    assert given.headers["Cache-Control"] == "no-store"
    ref = new_id("ft")
    body = {
        "id": int.from_bytes(ref[-6:].encode(), "big"),
        "gateway": "Vietcombank",
        "transactionDate": f"{clock.now().astimezone(VIETNAM):%Y-%m-%d %H:%M:%S}",
        "accountNumber": DEMO_ACCOUNT,
        "content": "CK DEN",
        "transferType": "in",
        "transferAmount": 6_000,
        "referenceCode": ref,
    }
    for token, status in ((KEYS["secret"], 401), (given.json()["access_token"], 200)):
        headers = {"Authorization": f"Bearer {token}"}
        answer = await system.browser.post(PATH, content=json.dumps(body), headers=headers)
        assert answer.status_code == status
    async with system.parts.database.transaction() as session:
        wanted = text("SELECT credited, doubt FROM payment WHERE gateway_ref = :ref")
        (row,) = (await session.execute(wanted, {"ref": ref})).all()
    assert (row.credited, row.doubt) == (6_000, "unsigned_notice")
    # Accounts that sign, and gateways, give no token.
    for other in ("/callbacks/sepay/test/token", "/callbacks/paygov/test/token"):
        assert (await system.browser.post(other, data=form)).status_code == 404
    assert await system.broken() == []
