"""The page of everything that gateways and bank were asked and told others, newest first. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.sandbox.engine.deliveries import DeliveryState, WebhookDelivery
from adapters.sandbox.engine.misdeeds import words_of
from adapters.sandbox.engine.replies import ResponseFault
from adapters.sandbox.engine.state import SandboxState
from adapters.sandbox.engine.traffic import Exchange, Seal

#: rows on one page
SHOWN: Final = 100

SEALS: Final = {
    Seal.RIGHT: "chữ ký đúng",
    Seal.WRONG: "chữ ký sai",
    Seal.NOT_COMPARED: "không so chữ ký",
}
SPOILT: Final = {
    ResponseFault.NONE: "",
    ResponseFault.NEVER: "im lặng",
    ResponseFault.SLOW: "từng byte một",
    ResponseFault.TRUNCATED: "cắt ngang",
    ResponseFault.HUGE: "dài vô tận",
}
STATES: Final = {
    DeliveryState.WAITING: "chờ gửi",
    DeliveryState.IN_FLIGHT: "đang gửi",
    DeliveryState.ACKNOWLEDGED: "đã được nhận",
    DeliveryState.GIVEN_UP: "thôi gửi",
    DeliveryState.LOST: "không gửi",
}
#: what a notice is, beyond telling the truth once
KINDS: Final = {
    "genuine": "thông báo",
    "duplicate": "thông báo lặp",
    "repeated": "thông báo gửi lại",
    "early": "thông báo sớm",
    "lost": "thông báo thất lạc",
    "failure": "báo thất bại",
    "forged": "thông báo giả",
}


@dataclass(frozen=True, slots=True)
class SeenRow:
    """A request that came in, or a notice that went out."""

    at: datetime
    href: str
    #: nhận or gửi
    way: str
    dialect: str
    account: str
    what: str
    seal: Seal
    outcome: str


def seen_rows(state: SandboxState, account: str = "") -> list[SeenRow]:
    """The newest rows, of one account where it is given."""
    rows = [*map(_received, state.traffic.newest()), *_sent(state)]
    chosen = [row for row in rows if account in ("", row.account)]
    return sorted(chosen, key=lambda row: row.at, reverse=True)[:SHOWN]


def seal_of(delivery: WebhookDelivery) -> Seal:
    """How a notice is signed."""
    return Seal.WRONG if delivery.kind == "forged" else Seal.RIGHT


def _received(one: Exchange) -> SeenRow:
    what = "trang của người nộp" if one.page else f"{one.method} {one.path}"
    parts = [str(one.status or ""), SPOILT[one.spoilt]]
    if one.fault is not None and one.operation is not None:
        parts.append(f"theo lệnh: {words_of(one.operation, one.fault)}")
    outcome = ", ".join(part for part in parts if part)
    return SeenRow(
        *(one.at, f"/seen/{one.number}", "nhận", one.dialect, one.account, what),
        one.seal,
        outcome,
    )


def _sent(state: SandboxState) -> Iterator[SeenRow]:
    for one in state.deliveries.all[-SHOWN * 2 :]:
        tried = one.attempts[-1] if one.attempts else None
        said = "" if tried is None else str(tried.status or tried.error)
        times = f"lần {len(one.attempts)}" if len(one.attempts) > 1 else ""
        parts = (said, STATES[one.state], times)
        yield SeenRow(
            one.due_at if tried is None else tried.at,
            f"/sent/{one.id}",
            "gửi",
            one.dialect,
            one.account,
            f"{KINDS.get(one.kind, one.kind)}: {one.subject}",
            seal_of(one),
            ", ".join(part for part in parts if part),
        )
