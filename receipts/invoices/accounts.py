"""Accounts at providers of e-invoices: set up, taken away, and found for a body or the one above.

Address and credentials are kept encrypted; a change tells only that they were renewed. An account
that was taken away goes on being asked about what it may have made, so its credentials are renewed
as those of one that stands are.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import insert, update
from sqlmodel import col, select

from core import audit, clock
from core.crypto import Cipher
from core.errors import FieldError, Invalid, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.queries import list_agencies_above
from receipts.invoice_calls import InvoiceAccess, InvoiceProviders
from receipts.invoices.law import InvoiceKind, kind_faults
from receipts.invoices.models import InvoiceAccount


@dataclass(frozen=True, slots=True)
class InvoiceAccountValue:
    """An account without its secrets."""

    id: str
    agency_id: str
    provider: str
    form: str
    coding: str
    making: str
    series: str
    vat_percent: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _SealedAccount:
    id: str
    agency_id: str
    provider: str
    form: str
    coding: str
    making: str
    series: str
    vat_percent: int | None
    access: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account ready to be asked at, and which invoices it makes."""

    id: str
    kind: InvoiceKind
    vat_percent: int | None
    access: InvoiceAccess = field(repr=False)


_ROW = InvoiceAccount
_STANDING = col(_ROW.removed_at).is_(None)


async def set_invoice_account(
    session: WriteSession,
    cipher: Cipher,
    providers: InvoiceProviders,
    agency_id: str,
    kind: InvoiceKind,
    vat_percent: int | None,
    access: InvoiceAccess,
    *,
    actor: str,
) -> str:
    """Set a body's account up, in the place of the one before; its id.

    Raises `Invalid`, naming each field that will not do and never a value.
    """
    today = clock.business_date(clock.now())
    _require([*_provider_faults(providers, access), *kind_faults(kind, vat_percent, today)])
    await _end_standing(session, agency_id)
    account_id = new_id("invaccount")
    told = {"provider": access.provider, "vat_percent": vat_percent, **asdict(kind)}
    row = {
        **told,
        "id": account_id,
        "agency_id": agency_id,
        "access": _sealed(cipher, account_id, access),
        "created_at": clock.now(),
    }
    await session.write(insert(_ROW), row)
    await audit.record(
        session,
        actor=actor,
        action="invoice_account.set",
        object_id=account_id,
        details={"agency_id": agency_id, **told},
    )
    return account_id


async def renew_invoice_account(
    session: WriteSession,
    cipher: Cipher,
    providers: InvoiceProviders,
    account_id: str,
    url: str,
    credentials: Mapping[str, str],
    *,
    actor: str,
) -> None:
    """Reach the same account at the same provider by this address and these credentials.

    What may have been made there is asked about by them from now on. Raises `NotFound`, and
    `Invalid`, naming each field that will not do and never a value.
    """
    wanted = values_of(_SealedAccount, _ROW).where(col(_ROW.id) == account_id)
    found = await session.first(wanted)
    if found is None:
        raise NotFound("Không có tài khoản hóa đơn điện tử này.")
    access = InvoiceAccess(found.provider, url, credentials)
    _require(_provider_faults(providers, access))
    renewed = update(_ROW).where(col(_ROW.id) == account_id)
    await session.write(renewed.values(access=_sealed(cipher, account_id, access)))
    await audit.record(
        session,
        actor=actor,
        action="invoice_account.renewed",
        object_id=account_id,
        details={"agency_id": found.agency_id},
    )


def _require(faults: list[FieldError]) -> None:
    if faults:
        detail = "; ".join(f"{one.field}: {one.detail}" for one in faults)
        raise Invalid(detail, errors=faults)


def _sealed(cipher: Cipher, account_id: str, access: InvoiceAccess) -> bytes:
    told = json.dumps({"url": access.url, "credentials": dict(access.credentials)})
    return cipher.encrypt(told.encode(), _bound_to(account_id))


def _provider_faults(providers: InvoiceProviders, access: InvoiceAccess) -> list[FieldError]:
    names = providers.names()
    if access.provider not in names:
        return [FieldError("provider", "unknown", f"is one of {', '.join(names)}")]
    return list(providers.faults(access))


async def remove_invoice_account(session: WriteSession, agency_id: str, *, actor: str) -> None:
    """Take a body's account away; what waits is set aside. Raises `NotFound`."""
    if not await _end_standing(session, agency_id):
        raise NotFound("Cơ quan này không có tài khoản hóa đơn điện tử.")
    await audit.record(
        session, actor=actor, action="invoice_account.removed", object_id=agency_id, details={}
    )


async def _end_standing(session: WriteSession, agency_id: str) -> int:
    ended = update(_ROW).where(col(_ROW.agency_id) == agency_id, _STANDING)
    return await session.write(ended.values(removed_at=clock.now()))


async def list_invoice_accounts(
    session: ReadSession, within: Collection[str] | None = None
) -> list[InvoiceAccountValue]:
    """The accounts of some bodies (None: of all), the oldest first."""
    wanted = values_of(InvoiceAccountValue, _ROW).where(_STANDING).order_by(col(_ROW.id))
    if within is not None:
        wanted = wanted.where(col(_ROW.agency_id).in_(within))
    return await session.all(wanted)


async def has_invoice_accounts(session: ReadSession) -> bool:
    """Whether any body has or had an account: where none did, there is no invoice of any bill."""
    return await session.first(select(_ROW.id).limit(1)) is not None


async def find_invoice_account(
    session: ReadSession, cipher: Cipher, agency_id: str
) -> OpenAccount | None:
    """A body's account: its own, else of the nearest body above that has one; None without."""
    above = await list_agencies_above(session, agency_id)
    wanted = values_of(_SealedAccount, _ROW).where(col(_ROW.agency_id).in_(above), _STANDING)
    found = await session.all(wanted)
    if not found:
        return None
    return _opened(cipher, min(found, key=lambda one: above.index(one.agency_id)))


async def get_invoice_account(session: ReadSession, cipher: Cipher, account_id: str) -> OpenAccount:
    """An account by its id, also one that was taken away since."""
    wanted = values_of(_SealedAccount, _ROW).where(col(_ROW.id) == account_id)
    return _opened(cipher, await session.one(wanted))


def _opened(cipher: Cipher, found: _SealedAccount) -> OpenAccount:
    kept = json.loads(cipher.decrypt(bytes(found.access), _bound_to(found.id)))
    return OpenAccount(
        found.id,
        InvoiceKind(found.form, found.coding, found.making, found.series),
        found.vat_percent,
        InvoiceAccess(found.provider, kept["url"], kept["credentials"]),
    )


def _bound_to(account_id: str) -> str:
    """What an account's encryption is bound to."""
    return f"invoice_account:{account_id}"
