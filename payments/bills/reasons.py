"""Why money is not simply the payment of its bill. Pure."""

from enum import StrEnum


class Reason(StrEnum):
    """Why money is not simply the payment of its bill."""

    NO_REFERENCE = "no_reference"
    UNKNOWN_REFERENCE = "unknown_reference"
    SEVERAL_REFERENCES = "several_references"
    SHORT = "short"
    EXCESS = "excess"
    BILL_ALREADY_PAID = "bill_already_paid"
    BILL_CANCELLED = "bill_cancelled"
    NOTHING_OWED = "nothing_owed"
    AMOUNT_MISMATCH = "amount_mismatch"
    HELD_BY_GATEWAY = "held_by_gateway"
    FEE_NOT_IN_FORCE = "fee_not_in_force"
    STATIC_AMOUNT = "static_amount"
    OTHER_AGENCY = "other_agency"
    #: told under the name of money that is in the books with another amount
    CONFLICTING_NOTICE = "conflicting_notice"
    #: may or may not be money that is in the books already: two people say which
    POSSIBLE_DUPLICATE = "possible_duplicate"
    #: only a statement told of it: two people release it
    STATEMENT_ONLY = "statement_only"
    #: two people said that it is money that is in the books already
    SAME_MONEY = "same_money"
    #: two people said that it is to be given back
    REFUND_WANTED = "refund_wanted"
    #: the statement that alone told of it was withdrawn
    STATEMENT_WITHDRAWN = "statement_withdrawn"
    #: the bank took it back
    RETURNED_BY_BANK = "returned_by_bank"
    #: said to have come on a day that is far ahead
    DATED_AHEAD = "dated_ahead"
    #: its words are those by which a gateway pays over what it took: two people say so
    GATEWAY_SETTLEMENT = "gateway_settlement"
    #: two people said that it is what a gateway pays over
    SETTLED_BY_GATEWAY = "settled_by_gateway"
    #: bears the reference of a transfer by which we paid money back: the payee's bank returned it
    REFUND_RETURNED = "refund_returned"
    #: told of without a signature over its words: it waits for another source
    UNSIGNED_NOTICE = "unsigned_notice"
    #: bears a stall's reference: it pays what its holder owes there, and waits for what comes
    STALL_CREDIT = "stall_credit"
    #: bears a hand-over's reference: what a collector took in cash comes to the account
    COLLECTOR_DEPOSIT = "collector_deposit"
    #: said to have come on a day before its account existed
    DATED_BEFORE = "dated_before"
