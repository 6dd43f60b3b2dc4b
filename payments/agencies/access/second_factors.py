"""The second factor: an app's code by time, and codes to write down for when the app is lost."""

import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core import clock
from core.audit import record
from core.crypto import Cipher, hash_token, new_token
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.access.sign_in_models import RecoveryCode, StaffFactor
from payments.agencies.access.staff_sessions import end_all
from payments.agencies.access.totp import SECRET_BYTES, find_step

#: How many codes are written down, of so many random bits each.
RECOVERY_CODES: Final = 10
_RECOVERY_BITS: Final = 80


@dataclass(frozen=True, slots=True)
class FactorValue:
    """A person's factor; `confirmed_at` None while it is being set up."""

    staff_id: str
    secret: bytes = field(repr=False)
    confirmed_at: datetime | None
    last_step: int


async def find_factor(session: ReadSession, cipher: Cipher, staff_id: str) -> FactorValue | None:
    """The factor of a person with its secret opened, None where there is none yet."""
    sealed = await session.first(
        values_of(FactorValue, StaffFactor).where(col(StaffFactor.staff_id) == staff_id)
    )
    if sealed is None:
        return None
    secret = cipher.decrypt(sealed.secret, _context(staff_id))
    return FactorValue(sealed.staff_id, secret, sealed.confirmed_at, sealed.last_step)


async def begin_factor(session: WriteSession, cipher: Cipher, staff_id: str) -> FactorValue:
    """The factor that a person is setting up: the one begun before, else a new one."""
    sealed = cipher.encrypt(os.urandom(SECRET_BYTES), _context(staff_id))
    new = insert(StaffFactor).values(
        staff_id=staff_id, secret=sealed, created_at=clock.now(), last_step=0
    )
    await session.write(new.on_conflict_do_nothing(index_elements=["staff_id"]))
    found = await find_factor(session, cipher, staff_id)
    if found is None:
        raise LookupError(staff_id)
    return found


async def take_code(session: WriteSession, factor: FactorValue, typed: str) -> bool:
    """Whether a code is the app's, now, and was not taken before; two at once are one."""
    step = find_step(factor.secret, typed, clock.now(), factor.last_step)
    if step is None:
        return False
    newer = update(StaffFactor).where(
        col(StaffFactor.staff_id) == factor.staff_id, col(StaffFactor.last_step) < step
    )
    return await session.write(newer.values(last_step=step)) == 1


async def confirm(session: WriteSession, staff_id: str) -> list[str]:
    """The app's first code was right: it counts from now on. The codes to write down."""
    now = clock.now()
    unconfirmed = update(StaffFactor).where(
        col(StaffFactor.staff_id) == staff_id, col(StaffFactor.confirmed_at).is_(None)
    )
    await session.write(unconfirmed.values(confirmed_at=now))
    await record(
        session,
        actor=f"staff:{staff_id}",
        action="staff.factor_enrolled",
        object_id=staff_id,
        details={},
    )
    return await renew_recovery_codes(session, staff_id)


async def reset_factor(session: WriteSession, cipher: Cipher, staff_id: str, *, actor: str) -> None:
    """Let somebody set a new factor up, whose app and codes are lost: the old ones open no more.

    Their sessions end. Who signs in next with their password enrols, so two people decide it.
    """
    sealed = cipher.encrypt(os.urandom(SECRET_BYTES), _context(staff_id))
    own = update(StaffFactor).where(col(StaffFactor.staff_id) == staff_id)
    await session.write(own.values(secret=sealed, confirmed_at=None, last_step=0))
    await _void_codes(session, staff_id)
    await end_all(session, staff_id)
    await record(session, actor=actor, action="staff.factor_reset", object_id=staff_id, details={})


async def renew_own_codes(session: WriteSession, staff_id: str) -> list[str]:
    """New codes for somebody who asks for them; shown this once, and noted."""
    await record(
        session,
        actor=f"staff:{staff_id}",
        action="staff.recovery_codes_renewed",
        object_id=staff_id,
        details={},
    )
    return await renew_recovery_codes(session, staff_id)


async def renew_recovery_codes(session: WriteSession, staff_id: str) -> list[str]:
    """New codes in the place of all that were not used; shown this once."""
    now = clock.now()
    await _void_codes(session, staff_id)
    codes = [new_token(_RECOVERY_BITS) for _ in range(RECOVERY_CODES)]
    rows = [
        {"id": new_id("code"), "staff_id": staff_id, "hash": hash_token(one), "created_at": now}
        for one in codes
    ]
    await session.write(insert(RecoveryCode).values(rows))
    return ["-".join(one[at : at + 4] for at in range(0, len(one), 4)) for one in codes]


async def use_recovery_code(session: WriteSession, staff_id: str, typed: str) -> bool:
    """Use a code that was written down; False for one that there is not, or not any more."""
    plain = "".join(character for character in typed.upper() if character.isalnum())
    unused = update(RecoveryCode).where(
        col(RecoveryCode.staff_id) == staff_id,
        col(RecoveryCode.hash) == hash_token(plain),
        col(RecoveryCode.used_at).is_(None),
    )
    if not await session.write(unused.values(used_at=clock.now())):
        return False
    await record(
        session,
        actor=f"staff:{staff_id}",
        action="staff.recovery_code_used",
        object_id=staff_id,
        details={},
    )
    return True


async def _void_codes(session: WriteSession, staff_id: str) -> None:
    """No code that was written down opens anything any more."""
    old = update(RecoveryCode).where(
        col(RecoveryCode.staff_id) == staff_id, col(RecoveryCode.used_at).is_(None)
    )
    await session.write(old.values(used_at=clock.now()))


def _context(staff_id: str) -> str:
    """What a secret is sealed for: it opens nowhere else."""
    return f"factor:{staff_id}"
