"""What is owed, told to who asks before taking it: a portal by dossier, a bank by reference.

Only what was proved to come from the account's provider is answered. Nothing is written.
"""

from core import clock
from core.errors import NotFound
from core.log import get
from payments.agencies.queries import GatewayAccountValue
from payments.attempts.pulled import what_is_owed
from payments.capabilities import Pullable
from payments.context import Context
from payments.gateway_info import Capability
from payments.incoming.notices import account_of
from payments.incoming.rejections import count_rejected
from payments.ports import (
    Acknowledgement,
    CallbackRejected,
    GatewayAccount,
    GatewayMisuse,
    NoticeUnreadable,
    RawCallback,
)
from payments.pulls import PulledBill, PullState

log = get(__name__)


async def answer(context: Context, gateway: str, account: str, raw: RawCallback) -> Acknowledgement:
    """Answer one question.

    What is proved and breaks the grammar asks for nothing that there is: it is told so. Raises
    `NotFound` for a path that is no account of ours, or one whose provider does not ask.
    """
    found = await account_of(context, gateway, account)
    reader = _prover(context, found, _asking(context, found.access), raw)
    try:
        asked = reader.read_pull(raw)
    except CallbackRejected as error:
        count_rejected(gateway, error.fault)
        log.warning("pull rejected", gateway=gateway, account=account, reason=error.detail)
        unreadable = isinstance(error, NoticeUnreadable)
        return reader.answer_pull(raw, PulledBill(PullState.UNKNOWN) if unreadable else None)
    async with context.database.reading() as session:
        pulled = await what_is_owed(session, found, asked, context.gateways, cipher=context.cipher)
    return reader.answer_pull(raw, pulled)


def _asking(context: Context, access: GatewayAccount) -> Pullable:
    """The adapter of an account whose provider may ask. Raises `NotFound`."""
    reader = context.gateways.reader(access)
    if not isinstance(reader, Pullable) or not reader.info.can(Capability.PULL, access.credentials):
        raise NotFound("Không có tài khoản này.")
    return reader


def _prover(
    context: Context, account: GatewayAccountValue, present: Pullable, raw: RawCallback
) -> Pullable:
    """Under whose secrets a question is proved: it is answered under the same.

    The secrets before are taken until their window ends; the present ones where neither proves it.
    """
    earlier = account.earlier_at(clock.now())
    if earlier is None or _proves(present, raw):
        return present
    try:
        before = _asking(context, earlier)
    except (GatewayMisuse, NotFound):
        return present
    return before if _proves(before, raw) else present


def _proves(reader: Pullable, raw: RawCallback) -> bool:
    try:
        reader.read_pull(raw)
    except NoticeUnreadable:
        return True
    except CallbackRejected:
        return False
    return True
