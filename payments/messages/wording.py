"""What messages say, in Vietnamese and in English. Pure.

An SMS is paid for by its parts, so it says what is owed, for what, until when and where, and no
more. Each reminder says how to have no more of them. A template of Zalo's has the same facts as
parameters, under the names of `params`; its words are the body's own, approved there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from core.days import day_text

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
#: So many stalls are named one by one.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class MessageWords:
    """A message put together: a subject for e-mail, a text, and the parameters of a template."""

    subject: str
    text: str = field(repr=False)
    params: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlaceName:
    """A body's or a market's name, in both languages."""

    vi: str
    en: str

    def of(self, language: str) -> str:
        """The name in that language; in Vietnamese where there is no other."""
        return (self.en if language == "en" else self.vi) or self.vi


@dataclass(frozen=True, slots=True)
class ReminderFacts:
    """What a vendor owes for a month: `amount` đồng for all the `stalls` together.

    `link` leads to a stall's page, `stop` to the page on which reminders are refused.
    """

    body: PlaceName
    market: PlaceName
    stalls: tuple[str, ...]
    #: the first day of the month
    month: date
    amount: int
    due_on: date
    link: str
    stop: str


@dataclass(frozen=True, slots=True)
class ReceiptFacts:
    """A receipt that was issued: `amount` đồng; `link` leads to it."""

    body: PlaceName
    amount: int
    symbol: str
    number: int
    link: str


def reminder_words(facts: ReminderFacts, language: str) -> MessageWords:
    """A polite reminder before a month's dues are due, or on the days after."""
    market, body = facts.market.of(language), facts.body.of(language)
    amount = _vnd(facts.amount, language)
    if language == "en":
        month = f"{_MONTHS[facts.month.month - 1]} {facts.month.year}"
        stalls = _stalls(facts.stalls, "stall", "stalls")
        due = _day_en(facts.due_on)
        subject = f"{market}: {month}"
        text = (
            f"{body}: {stalls}, {market}: {amount} for {month}, due {due}."
            f" See and pay: {facts.link} If you have paid, please ignore this. Thank you."
            f" No more reminders: {facts.stop}"
        )
    else:
        month = f"tháng {facts.month.month}/{facts.month.year}"
        stalls = _stalls(facts.stalls, "sạp", "sạp")
        due = day_text(facts.due_on)
        subject = f"{market}: {month}"
        text = (
            f"{body}: {stalls}, {market} còn {amount} tiền {month}, hạn {due}."
            f" Xem và trả: {facts.link} Nếu đã trả, xin bỏ qua tin này. Xin cảm ơn."
            f" Không nhận tin nhắc: {facts.stop}"
        )
    params = {
        "body": body,
        "market": market,
        "stalls": stalls,
        "month": month,
        "amount": amount,
        "due": due,
        "link": facts.link,
        "stop": facts.stop,
    }
    return MessageWords(subject, text, params)


def receipt_words(facts: ReceiptFacts, language: str) -> MessageWords:
    """That the money has come and the receipt is there."""
    body, paper = facts.body.of(language), f"{facts.symbol}-{facts.number}"
    amount = _vnd(facts.amount, language)
    if language == "en":
        subject = f"{body}: paid, receipt {paper}"
        text = f"{body} has received {amount}. Receipt {paper}: {facts.link} Thank you."
    else:
        subject = f"{body}: đã thu, biên lai {paper}"
        text = f"{body} đã nhận {amount}. Biên lai {paper}: {facts.link} Xin cảm ơn."
    params = {
        "body": body,
        "amount": amount,
        "receipt": paper,
        "link": facts.link,
    }
    return MessageWords(subject, text, params)


def _stalls(codes: tuple[str, ...], one: str, several: str) -> str:
    if len(codes) > _NAMED:
        return f"{len(codes)} {several}"
    return f"{one if len(codes) == 1 else several} {', '.join(codes)}"


def _vnd(amount: int, language: str) -> str:
    """An amount as each language writes it, with no sign that an SMS of seven bits lacks."""
    written = f"{amount:,} VND"
    return written if language == "en" else written.replace(",", ".")


def _day_en(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
