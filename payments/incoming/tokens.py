"""Tokens for providers that ask for one before they call (OAuth 2, client credentials).

They are made of the account's secret and a time, and kept nowhere: whoever verifies a notice makes
the same once more. The secret before gives one too, for as long as notices under it are taken.
"""

from core import clock
from core.errors import NotFound
from payments.capabilities import TokenIssuer
from payments.context import Context
from payments.incoming.notices import account_of
from payments.incoming.rejections import count_rejected
from payments.ports import (
    Acknowledgement,
    CallbackFault,
    GatewayAccount,
    GatewayMisuse,
    RawCallback,
)


async def issue(context: Context, gateway: str, account: str, raw: RawCallback) -> Acknowledgement:
    """Answer one request for a token.

    Raises `NotFound` for a path that is no account of ours, or whose provider asks for none.
    """
    found = await account_of(context, gateway, account)
    answer = _issued(context, found.access, raw)
    earlier = found.earlier_at(clock.now())
    if earlier is not None and not _is_given(answer):
        # Who still has the secret before could tell of nothing more, else, when its token is over.
        before = _issued(context, earlier, raw)
        answer = before if answer is None or _is_given(before) else answer
    if answer is None:
        raise NotFound("Không có tài khoản này.")
    if not _is_given(answer):
        count_rejected(gateway, CallbackFault.WRONG_SIGNATURE)
    return answer


def _issued(context: Context, access: GatewayAccount, raw: RawCallback) -> Acknowledgement | None:
    """The answer under these secrets, None where their provider asks for no token."""
    try:
        reader = context.gateways.reader(access)
    except GatewayMisuse:
        return None
    return reader.issue_token(raw) if isinstance(reader, TokenIssuer) else None


def _is_given(answer: Acknowledgement | None) -> bool:
    return answer is not None and answer.status == 200
