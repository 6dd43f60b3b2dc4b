"""Under whose secrets a call is proved and answered, while two of an account's are taken."""

from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from core import clock
from core.errors import NotFound
from payments.agencies.queries import CollectionAccountValue, GatewayAccountValue
from payments.gateway_info import Capability, GatewayInfo, GatewayKind
from payments.incoming import pulls, tokens, verifying
from payments.incoming.rejections import REGISTRY
from payments.ports import (
    Acknowledgement,
    CallbackFault,
    CallbackRejected,
    CallbackResult,
    Credit,
    GatewayAccount,
    GatewayMisuse,
    GatewayResult,
    NoticeContent,
    NoticeUnreadable,
    Outcome,
    RawCallback,
)
from payments.pulls import Pull, PulledBill, PullKey, PullState

NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)
RAW = RawCallback("POST", "/callbacks/bank/one", "", {}, b"what it says", NOW)
REFUSED = CallbackRejected("bank: wrong", fault=CallbackFault.TOO_OLD)
UNREAD = NoticeUnreadable("bank: amount")
MONEY = GatewayResult("LPAAAA-01", Outcome.SUCCEEDED, "T1", 5_000)
BILL = PulledBill(PullState.UNPAID, "LPAAAA", 5_000)
NO_OF_IT = CallbackFault.WRONG_SIGNATURE

Said = NoticeContent | Pull | Acknowledgement | Exception | None


def access(secret: str, **more: str) -> GatewayAccount:
    return GatewayAccount("bank", "one", "https://bank.example", {"secret": secret, **more})


ACCOUNT = GatewayAccountValue(
    "gacct_1",
    "agency_1",
    CollectionAccountValue(
        *("acct_1", "agency_1", "tk-1", "970436", "99", "KHO BAC", time(16), None, [])
    ),
    access("present"),
    previous=access("before"),
    previous_until=NOW + timedelta(seconds=1),
)


@dataclass
class Reader:
    """An adapter that says what it is told to, and in whose name it answers."""

    account: GatewayAccount
    says: Said
    capabilities: frozenset[Capability] = frozenset({Capability.PULL})
    answered: list[Any] = field(default_factory=list)

    @property
    def info(self) -> GatewayInfo:
        pull = frozenset({Capability.PULL})
        return GatewayInfo(
            *("bank", "Ngân hàng", "Bank", GatewayKind.BILLER, ()),
            capabilities=self.capabilities,
            by_contract=pull,
        )

    def _said(self) -> Any:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    def read_notice(self, notice: RawCallback) -> Any:
        assert notice is RAW
        return self._said()

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        assert notice is RAW
        return self._answer(result)

    def _answer(self, what: Any) -> Acknowledgement:
        self.answered.append(what)
        return Acknowledgement(200, self.account.credentials["secret"].encode())


class Asked(Reader):
    """One whose provider asks what is owed."""

    def read_pull(self, asked: RawCallback) -> Any:
        assert asked is RAW
        return self._said()

    def answer_pull(self, asked: RawCallback, pulled: PulledBill | None) -> Acknowledgement:
        assert asked is RAW
        return self._answer(pulled)


class Teller(Reader):
    """One that tells of several credits at once."""

    def read_credits(self, notice: RawCallback) -> Any:
        assert notice is RAW
        return (self._said(),) * 2


class Issuer(Reader):
    """One whose provider asks for a token."""

    def issue_token(self, asked: RawCallback) -> Any:
        assert asked is RAW
        return self._said()


class Gateways:
    """The adapters of an account, by its secret; none of one that is `GatewayMisuse`."""

    def __init__(self, kind: type[Reader], **says: Said) -> None:
        self.known = {
            secret: kind(access(secret, pull="yes"), told) for secret, told in says.items()
        }

    def find_info(self, name: str) -> Any:
        assert name == "bank"
        return object()

    def reader(self, account: GatewayAccount) -> Any:
        found = self.known[account.credentials["secret"]]
        if isinstance(found.says, GatewayMisuse):
            raise found.says
        return found


GONE = GatewayMisuse("it has no such secret")


@pytest.mark.parametrize(
    ("present", "before", "proves"),
    [
        (MONEY, MONEY, "present"),
        (None, MONEY, "present"),
        (UNREAD, MONEY, "present"),
        (REFUSED, MONEY, "before"),
        (REFUSED, None, "before"),
        (REFUSED, UNREAD, "before"),
        (REFUSED, REFUSED, "present"),
        (REFUSED, GONE, "present"),
        (REFUSED, GatewayMisuse("while it reads"), "present"),
    ],
)
@pytest.mark.parametrize("kind", [Reader, Teller])
def test_a_notice_is_proved_by_whichever_secret_proves_it(
    present: Said, before: Said, proves: str, kind: type[Reader]
) -> None:
    gateways: Any = Gateways(kind, present=present, before=before)
    found: Any = verifying.prover(gateways, ACCOUNT, RAW, NOW)
    assert found is gateways.known[proves]
    # Past their hours the secrets before prove nothing, and without any the present ones alone do.
    over = NOW + timedelta(seconds=1)
    assert verifying.prover(gateways, ACCOUNT, RAW, over) is gateways.known["present"]
    alone = replace(ACCOUNT, previous=None, previous_until=None)
    assert verifying.prover(gateways, alone, RAW, NOW) is gateways.known["present"]


def test_what_a_notice_tells_is_nothing_one_thing_or_several_credits() -> None:
    credit = Credit("n", "FT", "99", 5_000, "LP", NOW)
    for says, told in ((None, ()), (MONEY, (MONEY,))):
        gateways: Any = Gateways(Reader, present=says, before=REFUSED)
        assert verifying.verified(gateways, ACCOUNT, RAW, NOW) == told
    several: Any = Gateways(Teller, present=credit, before=REFUSED)
    assert verifying.verified(several, ACCOUNT, RAW, NOW) == (credit, credit)
    for refused in (REFUSED, UNREAD):
        gateways = Gateways(Reader, present=refused, before=REFUSED)
        with pytest.raises(CallbackRejected) as raised:
            verifying.verified(gateways, ACCOUNT, RAW, NOW)
        assert raised.value is refused


class World:
    """What a call needs of a context, and what was asked of the books."""

    def __init__(self, gateways: Gateways, account: GatewayAccountValue = ACCOUNT) -> None:
        self.gateways, self.account, self.cipher = gateways, account, object()
        self.agencies, self.database = self, self
        self.owed: list[Any] = []

    async def get_gateway(self, gateway: str, account: str) -> GatewayAccountValue:
        assert (gateway, account) == ("bank", "one")
        return self.account

    @asynccontextmanager
    async def reading(self) -> Any:
        yield self

    async def what_is_owed(self, *asked: Any, cipher: Any) -> PulledBill:
        session, account, pull, gateways = asked
        assert (session, account, gateways, cipher) == (
            self,
            *(self.account, self.gateways),
            self.cipher,
        )
        self.owed.append(pull)
        return BILL


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def rejected(gateway: str, fault: CallbackFault) -> float:
    labels = {"gateway": gateway, "reason": fault.value}
    return REGISTRY.get_sample_value("lephi_callbacks_rejected_total", labels) or 0


PULL = Pull(PullKey.REFERENCE, "LPAAAA")


@pytest.mark.parametrize(
    ("present", "before", "answers", "counted"),
    [
        (PULL, PULL, "present", None),
        (UNREAD, PULL, "present", CallbackFault.UNREADABLE),
        (REFUSED, PULL, "before", None),
        (REFUSED, UNREAD, "before", CallbackFault.UNREADABLE),
        (REFUSED, REFUSED, "present", CallbackFault.TOO_OLD),
        (REFUSED, GONE, "present", CallbackFault.TOO_OLD),
    ],
)
async def test_a_question_is_answered_under_the_secret_that_proves_it(
    monkeypatch: pytest.MonkeyPatch,
    present: Said,
    before: Said,
    answers: str,
    counted: CallbackFault | None,
) -> None:
    gateways = Gateways(Asked, present=present, before=before)
    account = replace(
        ACCOUNT, access=access("present", pull="yes"), previous=access("before", pull="yes")
    )
    world: Any = World(gateways, account)
    monkeypatch.setattr(pulls, "what_is_owed", world.what_is_owed)
    was = [rejected("bank", fault) for fault in CallbackFault]
    answer = await pulls.answer(world, "bank", "one", RAW)
    assert answer == Acknowledgement(200, answers.encode())
    says = gateways.known[answers].says
    # What is proved and breaks the grammar asks for nothing there is; a stranger is told nothing.
    told = {UNREAD.detail: PulledBill(PullState.UNKNOWN), REFUSED.detail: None}
    key = says.detail if isinstance(says, CallbackRejected) else ""
    assert gateways.known[answers].answered == [told.get(key, BILL)]
    assert world.owed == ([PULL] if says is PULL else [])
    assert [rejected("bank", fault) for fault in CallbackFault] == [
        before + (fault is counted) for before, fault in zip(was, CallbackFault, strict=True)
    ]


async def test_the_secrets_before_ask_nothing_without_their_hours_or_their_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pulls, "what_is_owed", None)
    yes, no = access("present", pull="yes"), access("before", pull="no")
    for previous, until in (
        (access("before", pull="yes"), NOW),
        (no, NOW + timedelta(1)),
        (None, None),
    ):
        gateways = Gateways(Asked, present=REFUSED, before=PULL)
        account = replace(ACCOUNT, access=yes, previous=previous, previous_until=until)
        world: Any = World(gateways, account)
        assert (await pulls.answer(world, "bank", "one", RAW)).body == b"present"
        assert gateways.known["present"].answered == [None]


@pytest.mark.parametrize(("kind", "contract"), [(Asked, "no"), (Reader, "yes")])
async def test_a_provider_that_does_not_ask_has_no_such_address(
    kind: type[Reader], contract: str
) -> None:
    account = replace(ACCOUNT, access=access("present", pull=contract))
    world: Any = World(Gateways(kind, present=PULL, before=PULL), account)
    with pytest.raises(NotFound) as raised:
        await pulls.answer(world, "bank", "one", RAW)
    assert raised.value.detail == "Không có tài khoản này."


GIVEN, ALSO, DENIED, ELSE = (
    Acknowledgement(status, body)
    for status, body in ((200, b"token"), (200, b"other"), (401, b"no"), (400, b"never"))
)


@pytest.mark.parametrize(
    ("present", "before", "answer", "counted"),
    [
        (GIVEN, ALSO, GIVEN, 0),
        (DENIED, GIVEN, GIVEN, 0),
        (DENIED, ELSE, DENIED, 1),
        (DENIED, None, DENIED, 1),
        (DENIED, GONE, DENIED, 1),
        (None, GIVEN, GIVEN, 0),
        (None, DENIED, DENIED, 1),
        (GONE, GIVEN, GIVEN, 0),
        (None, None, None, 0),
    ],
)
async def test_a_token_is_given_under_either_secret_and_the_refusal_is_the_present_ones(
    present: Said, before: Said, answer: Acknowledgement | None, counted: int
) -> None:
    world: Any = World(Gateways(Issuer, present=present, before=before))
    was = rejected("bank", NO_OF_IT)
    if answer is None:
        with pytest.raises(NotFound) as raised:
            await tokens.issue(world, "bank", "one", RAW)
        assert raised.value.detail == "Không có tài khoản này."
    else:
        assert await tokens.issue(world, "bank", "one", RAW) is answer
    assert rejected("bank", NO_OF_IT) - was == counted


@pytest.mark.parametrize("present", [GIVEN, DENIED, None])
async def test_past_its_hours_the_secret_before_gives_no_token(present: Said) -> None:
    account = replace(ACCOUNT, previous_until=NOW)
    world: Any = World(Gateways(Issuer, present=present, before=ALSO), account)
    if present is None:
        with pytest.raises(NotFound):
            await tokens.issue(world, "bank", "one", RAW)
    else:
        assert await tokens.issue(world, "bank", "one", RAW) is present


async def test_who_needs_no_token_is_given_none() -> None:
    world: Any = World(Gateways(Reader, present=GIVEN, before=GIVEN))
    with pytest.raises(NotFound):
        await tokens.issue(world, "bank", "one", RAW)
