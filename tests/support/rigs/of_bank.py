"""What the rigs of feeds share: the sandbox's bank writes and signs the notices."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from adapters.registry import ADAPTERS
from adapters.sandbox.engine.deliveries import WebhookDelivery
from adapters.sandbox.engine.discovery import dialects
from adapters.sandbox.engine.state import SandboxState
from core import clock
from payments.ports import Acknowledgement, CreditFeed, GatewayAccount, NoticeReader, RawCallback

ACCOUNT: Final = "1020304050"
VIRTUAL_PREFIX: Final = "SB12"


class BankRig:
    """Most of a `FeedRig`. `make` is the adapter class under test; the subclass adds forgeries."""

    name: str
    secrets: tuple[str, ...] = ("whsec-5a07e1",)
    statuses_of_refusal: tuple[int, ...] = (400, 401, 403)

    def __init__(self, make: Callable[[GatewayAccount], NoticeReader] | None = None) -> None:
        self._make: Callable[[GatewayAccount], Any] = make or ADAPTERS[self.name]
        self.state = SandboxState(seed=11)
        credentials = {"secret": self.secrets[0], "account_number": ACCOUNT}
        url = "http://127.0.0.1:1/"
        self.state.open(self.name, credentials, url, virtual_prefix=VIRTUAL_PREFIX)
        self.account = GatewayAccount(self.name, "kho-bac", "", credentials)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Nothing runs: a feed only calls."""
        yield

    def feed(self, account: GatewayAccount | None = None) -> CreditFeed:
        made: CreditFeed = self._make(account or self.account)
        return made

    def reader(self) -> NoticeReader:
        return self.feed()

    def ends_the_calls(self, answer: Acknowledgement) -> bool:
        return dialects()[self.name].acknowledged(answer.status, answer.body.decode())

    def notice(
        self, amount: int = 5_000, narrative: str = "LPABC", **changes: object
    ) -> RawCallback:
        to = changes.pop("virtual_account", ACCOUNT)
        _, delivery = self.state.bank.transfer(str(to), amount, narrative)
        if not changes:
            return self._sent(delivery)
        return self.signed(self.changed(json.loads(delivery.body), changes))

    def debit(self) -> RawCallback:
        _, delivery = self.state.bank.transfer(ACCOUNT, 5_000, "sweep", direction="out")
        return self._sent(delivery)

    def changed(self, document: dict[str, Any], changes: Mapping[str, object]) -> object:
        """The document with these changes, in the provider's own names."""
        raise NotImplementedError

    def signed(self, document: object) -> RawCallback:
        """Any document under the provider's signature."""
        raise NotImplementedError

    def callback(self, body: bytes, headers: Mapping[str, str]) -> RawCallback:
        """A notice as it arrives."""
        return RawCallback(
            method="POST",
            path=f"/callbacks/{self.name}/kho-bac",
            query="",
            headers={"content-type": "application/json", **headers},
            body=body,
            received_at=clock.now(),
        )

    def _sent(self, delivery: WebhookDelivery) -> RawCallback:
        headers = {k.lower(): v for k, v in self.state.headers_for(delivery).items()}
        return self.callback(delivery.body, headers)
