"""The rules by which money is found to be the same, in the order in which they are asked. Pure.

There are three comparisons, and one list. An earlier rule goes before a later one; what it has
matched is asked about no more. Each match says which rule made it, by the name here. A rule that
only suggests never matches: two people decide. Where two fit alike, a rule decides for neither.
"""

from dataclasses import dataclass
from typing import Final, Literal

#: Payments with a gateway's lines, a gateway's batches with credits, credits with payments.
Comparison = Literal["settlement", "batch", "credit"]
RuleName = Literal[
    "batch",
    "bank_ref",
    "reference",
    "narrative",
    "gateway_ref",
    "order_ref",
    "batch_ref",
    "settlement_words",
    "subset_sum",
    "amount",
]


@dataclass(frozen=True, slots=True)
class MatchingRule:
    """A rule: the comparisons that ask it, and what it says in Vietnamese and English."""

    name: RuleName
    comparisons: tuple[Comparison, ...]
    vi: str
    en: str
    #: whether people decide about what it found
    suggests: bool = False


RULES: Final = (
    MatchingRule(
        "batch",
        ("batch", "credit"),
        "Hai người đã xác nhận khoản ghi có là tiền của lô.",
        "Two people have said that the credit brought the batch.",
    ),
    MatchingRule(
        "bank_ref",
        ("credit",),
        "Cùng số tham chiếu của ngân hàng, cùng số tiền.",
        "The bank's own reference and the amount are the same.",
    ),
    MatchingRule(
        "reference",
        ("credit",),
        "Ô tham chiếu của dòng sao kê là mã của khoản nộp.",
        "The line's reference field is the payment's reference.",
    ),
    MatchingRule(
        "narrative",
        ("credit",),
        "Mã của khoản nộp đứng trong diễn giải.",
        "The payment's reference stands in the line's words.",
    ),
    MatchingRule(
        "gateway_ref",
        ("settlement",),
        "Cùng mã giao dịch của cổng.",
        "The gateway's own number is the same.",
    ),
    MatchingRule(
        "order_ref",
        ("settlement",),
        "Cùng mã đơn của ta.",
        "Our name of the order is the same.",
    ),
    MatchingRule(
        "batch_ref",
        ("batch",),
        "Mã lô đứng trong diễn giải của khoản ghi có.",
        "The batch's reference stands in the credit's words.",
    ),
    MatchingRule(
        "settlement_words",
        ("batch",),
        "Diễn giải có lời chuyển tiền của cổng, và đúng số tiền ròng của một lô.",
        "The words are the gateway's, and the amount is the net of one batch.",
    ),
    MatchingRule(
        "subset_sum",
        ("batch",),
        "Khoản ghi có mang lời của cổng đúng bằng tổng của một nhóm lô duy nhất.",
        "A credit with the gateway's words is the sum of one set of batches, and of no other.",
        suggests=True,
    ),
    MatchingRule(
        "amount",
        ("batch",),
        "Chỉ cùng số tiền ròng, ghi có trong những ngày quanh ngày quyết toán.",
        "Only the net amount is the same, on a day near that of the settlement.",
        suggests=True,
    ),
)
