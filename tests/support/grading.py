"""What each adapter is held to: a rule with the test that asks for it, or why it does not apply.

The rules are listed here by hand, and whom a test runs over is read from the test itself: an
adapter that it leaves out needs a reason. Reasons are facts of the adapter (`info`), of its rig or
of its dialect, never its name.
"""

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from adapters.registry import ADAPTERS
from adapters.sandbox.engine.discovery import dialects
from adapters.sandbox.engine.settlement import sheets_of
from adapters.sandbox.engine.state import PayerOutcome
from payments.gateway_info import Capability, GatewayKind
from tests.architecture.source import ROOT
from tests.contracts import test_credit_feed, test_payment_gateway
from tests.journeys import test_every_gateway, test_every_refund
from tests.support import adapter_checks, biller_checks, feed_checks, gateway_checks
from tests.support.every_gateway import GATEWAYS
from tests.support.rigs.every import BILLER_RIGS, RIGS

#: Least number of rules that an adapter is graded by, and of those that a test asks for.
LEAST: Final = 40
LEAST_DONE: Final = 25

_CONTRACT = "tests/contracts/test_payment_gateway.py"
_FEED = "tests/contracts/test_credit_feed.py"
_ADAPTER = "tests/contracts/test_adapters.py"
_ROTATION = "tests/contracts/test_rotated_secrets.py"
_PAYING = "tests/journeys/test_every_gateway.py"
_BACK = "tests/journeys/test_every_refund.py"

#: Why a rule is not for an adapter; None where it is.
Excuse = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that an adapter is held to. `case` is the parameter of the test, if it has one;
    `cases` are all that it runs with, and `over` the adapters that it runs over."""

    words: str
    test: str
    path: str
    over: Collection[str]
    excuse: Excuse
    case: str = ""
    cases: Collection[str] = ("",)
    #: the test runs over everybody, and asks nothing of who is excused
    asks_nothing: bool = False

    @property
    def named(self) -> str:
        """The test as the page names it."""
        case = f"[{self.case}]" if self.case else ""
        return f"`{self.test}{case}` in `{self.path}`"


@dataclass(frozen=True, slots=True)
class Grade:
    """What one rule is worth for one adapter: done by a test, or exempt for a reason."""

    rule: str
    done: str = ""
    exempt: str = ""


def _applies(_name: str) -> None:
    return None


def _is_no_feed(name: str) -> str | None:
    if ADAPTERS[name].info.kind is GatewayKind.FEED:
        return None
    return "it is no feed of a bank's credits"


def _is_no_biller(name: str) -> str | None:
    if ADAPTERS[name].info.kind is GatewayKind.BILLER:
        return None
    return "it does not collect for us"


def _takes_orders(name: str) -> str | None:
    kind = ADAPTERS[name].info.kind
    if kind is GatewayKind.GATEWAY:
        return None
    if kind is GatewayKind.BILLER:
        return "it collects for us: no attempt is started there"
    return "it is a feed: no attempt is started there"


def _rig(name: str, fact: str) -> bool:
    return bool(getattr(RIGS[name], fact, True))


def _is_called(name: str) -> str | None:
    if reason := _takes_orders(name):
        return reason
    if _rig(name, "calls_at_start"):
        return None
    return "nothing is called at start: the payer's browser takes an address there"


def _can_be_asked(name: str) -> str | None:
    if reason := _takes_orders(name):
        return reason
    if Capability.QUERY in ADAPTERS[name].info.capabilities:
        return None
    return "it cannot be asked: a statement or two people tell"


def _gives_back(name: str) -> str | None:
    if reason := _takes_orders(name):
        return reason
    if Capability.REFUND in ADAPTERS[name].info.capabilities:
        return None
    return "it takes no refunds: money goes back by transfer"


def _gives_nothing_back(name: str) -> str | None:
    if reason := _takes_orders(name):
        return reason
    return None if _gives_back(name) else "it takes refunds"


def _settles(name: str) -> str | None:
    if reason := _takes_orders(name):
        return reason
    if sheets_of(dialects()[name]):
        return None
    return "its file is the statement of the account that its money comes straight to"


def _is_on_the_statement(name: str) -> str | None:
    info = ADAPTERS[name].info
    if info.straight or info.kind is GatewayKind.FEED:
        return None
    return "it keeps its money until it settles: its own file tells"


def _contract() -> Iterator[Rule]:
    said: Mapping[str, tuple[str, Excuse]] = {
        "same_key_is_the_same_attempt": ("the same request is the same order", _takes_orders),
        "another_request_under_a_used_key_is_our_fault": (
            "another request under a used key is refused, the order stays as it was",
            _takes_orders,
        ),
        "amounts_are_exact_outwards": ("each đồng asked for is each đồng told", _takes_orders),
        "amounts_are_exact_inwards": (
            "each đồng taken is each đồng read, also where it is not what was asked",
            _takes_orders,
        ),
        "a_decline_is_a_value": ("a refused order is an answer, no error", _is_called),
        "a_refused_connection_is_unavailable": (
            "no connection: nothing happened, and another may be tried",
            _takes_orders,
        ),
        "silence_after_sending_is_unknown_and_never_repeated": (
            "silence after sending is unknown, asked about, never sent again",
            _is_called,
        ),
        "an_unreadable_answer_is_unknown_and_never_repeated": (
            "an answer that cannot be read is unknown, never sent again",
            _is_called,
        ),
        "an_unreadable_answer_to_a_query_is_no_news": (
            "an unreadable answer to a question is neither paid nor failed",
            _can_be_asked,
        ),
        "a_busy_gateway_is_asked_again_and_takes_one_order": (
            "a busy gateway is asked again, in bounds, and takes one order",
            _is_called,
        ),
        "a_genuine_callback_is_read_in_full": (
            "number, order, amount and time (UTC) of a result are read",
            _takes_orders,
        ),
        "outcomes_are_told_apart": (
            "paid, failed and held are told apart, by result and by question",
            _takes_orders,
        ),
        "a_query_tells_the_state": ("open, unknown and paid are told apart", _can_be_asked),
        "money_goes_back_once_and_no_more_than_came": (
            "one refund for one key, and never more than came",
            _gives_back,
        ),
        "a_refund_without_a_clear_answer_is_asked_about": (
            "a refund without a clear answer is asked about",
            _gives_back,
        ),
        "forged_callbacks_are_rejected": (
            "more than twenty forgeries of a result are refused",
            _takes_orders,
        ),
        "a_repeated_callback_is_the_same_report": (
            "a result told again is the same result",
            _takes_orders,
        ),
        "acknowledgements_tell_the_gateway_what_to_do": (
            "its answers end the calls, or have them repeated",
            _takes_orders,
        ),
        "no_secret_is_ever_told": ("no secret in errors, logs or `repr`", _takes_orders),
    }
    for check, (words, excuse) in said.items():
        yield Rule(
            *(words, "test_the_gateway_keeps_its_promise", _CONTRACT),
            over=test_payment_gateway.GATEWAYS,
            excuse=excuse,
            case=check,
            cases=gateway_checks.CHECKS,
            asks_nothing=excuse is not _takes_orders,
        )


def _of_feeds() -> Iterator[Rule]:
    said = {
        "a_genuine_notice_is_read_in_full": "number, account, amount, time and words are read",
        "money_that_goes_out_is_no_credit": "a debit is no credit",
        "forged_notices_are_rejected": "forged notices are refused",
        "a_notice_too_old_or_too_new_is_rejected": "a stamp outside of its window is refused",
        "a_repeated_notice_is_the_same_credit": "a credit told again is the same credit",
        "two_credits_that_look_alike_are_two": "two credits that look alike are two",
        "the_bank_s_own_reference_is_told_as_it_is": "the bank's reference is told as it is",
        "the_virtual_account_is_told_as_it_is": "the virtual account is told as it is",
        "both_keys_are_accepted_while_one_is_replaced": "two keys while one is replaced",
        "missing_credentials_are_our_fault": "no feed without its key and account",
        "acknowledgements_tell_the_feed_what_to_do": (
            "its answers end the calls, or have them repeated"
        ),
        "no_secret_is_ever_told": "no secret in errors or `repr`",
    }
    for check, words in said.items():
        yield Rule(
            *(words, "test_the_feed_keeps_its_promise", _FEED),
            over=test_credit_feed.FEEDS,
            excuse=_is_no_feed,
            case=check,
            cases=feed_checks.CHECKS,
        )


def _of_billers() -> Iterator[Rule]:
    said = {
        "a_payment_is_read_in_full": "number, bill, amount and time of a payment are read",
        "a_reversal_is_money_that_went_back": "a reversal is money that went back",
        "a_question_is_read_and_answered_under_our_signature": (
            "a question is read, and answered under our signature"
        ),
        "forged_calls_are_rejected": "forged calls are refused",
        "one_call_s_signature_is_worth_nothing_for_another": (
            "the signature of one call is worth nothing for another"
        ),
        "a_call_too_old_or_too_new_is_rejected": "a stamp outside of its window is refused",
        "a_repeat_is_the_same_event_and_another_payment_is_not": (
            "a payment told again is the same payment"
        ),
        "what_is_kept_ends_the_calls_and_nothing_else_does": (
            "its answers end the calls, or have them repeated"
        ),
    }
    for check, words in said.items():
        yield Rule(
            *(words, "test_it_keeps_its_promise", "tests/contracts/test_biller.py"),
            over=BILLER_RIGS,
            excuse=_is_no_biller,
            case=check,
            cases=biller_checks.CHECKS,
        )
    books = "tests/integration/test_biller.py"
    more = {
        "test_a_code_is_asked_about_paid_once_and_has_its_receipt": (
            "a code is asked about, paid once, and has its receipt"
        ),
        "test_one_payment_told_by_twenty_at_once_is_one": "one payment told by twenty is one",
        "test_odd_money_goes_where_all_odd_money_goes": "too little, too much, for no bill",
        "test_a_payment_that_is_taken_back_has_gone_back_once": "what is taken back went once",
        "test_one_that_was_taken_back_before_it_was_told_of_settles_nothing": (
            "a reversal before its payment settles nothing"
        ),
        "test_a_code_that_is_being_paid_elsewhere_or_is_nobody_s_is_not_told_as_owed": (
            "what is being paid elsewhere is not told as owed"
        ),
    }
    for test, words in more.items():
        yield Rule(words, test, books, BILLER_RIGS, _is_no_biller)
    yield Rule(
        "the file of the day settles what was told, and shows what was not",
        "test_the_file_shows_what_was_told_what_was_taken_back_and_what_was_never_told",
        "tests/integration/test_biller_day.py",
        BILLER_RIGS,
        _is_no_biller,
    )


def _of_adapters() -> Iterator[Rule]:
    said = {
        "it_says_what_it_is": "its name, titles and fields are whole, in both languages",
        "its_kind_and_capabilities_are_true": "what it says it can is what it can",
        "its_credentials_are_checked_by_name": "credentials are checked field by field",
        "missing_credentials_are_our_fault": "no adapter without a credential that it needs",
        "what_is_kept_reads_the_same": "what is kept of a notice reads the same again",
        "its_limits_are_kept": "amounts outside of its limits are not offered",
    }
    for check, words in said.items():
        yield Rule(
            *(words, "test_the_adapter_keeps_its_promise", _ADAPTER),
            over=ADAPTERS,
            excuse=_applies,
            case=check,
            cases=adapter_checks.CHECKS,
        )
    both = {
        "test_both_secrets_are_taken_within_the_window_and_the_old_one_not_after_it": (
            "old and new secret within the window of a rotation"
        ),
        "test_without_a_window_or_under_neither_secret_a_notice_is_refused": (
            "without a window the old secret is refused"
        ),
    }
    for test, words in both.items():
        yield Rule(words, test, _ROTATION, ADAPTERS, _applies)
    yield Rule(
        "a sandbox plays it, with credentials made up",
        "test_credentials_made_up_for_a_demonstration_will_do",
        *(_ADAPTER, ADAPTERS, _applies),
    )
    yield Rule(
        "no canary of a secret comes out, whatever is done to it",
        "test_no_adapter_tells_a_secret_whatever_is_done_to_it",
        *("tests/integration/test_canary_secrets.py", ADAPTERS, _applies),
    )
    yield Rule(
        "its facts are in the docs, and how sure they are",
        "test_every_adapter_has_its_sheet_with_facts_and_how_sure_they_are",
        *("tests/unit/test_gateway_sheets.py", ADAPTERS, _applies),
    )
    yield Rule(
        "each of its fields is in the operators' guide",
        "test_every_adapter_has_a_row_in_the_operators_guide",
        *("tests/architecture/test_provider_names.py", ADAPTERS, _applies),
    )
    yield Rule(
        "nothing outside of its folder names it",
        "test_no_provider_is_named_outside_its_folder",
        *("tests/architecture/test_provider_names.py", ADAPTERS, _applies),
    )
    yield Rule(
        "each misdeed of its sandbox has a button",
        "test_every_misdeed_has_a_button_with_words_of_its_own",
        *("tests/integration/test_sandbox_pages.py", ADAPTERS, _applies),
    )


def _of_money() -> Iterator[Rule]:
    ends = "test_every_ending_leaves_the_money_where_the_gateway_has_it"
    said = {
        PayerOutcome.SUCCESS: "paid: one settlement, one receipt, the gateway's figure",
        PayerOutcome.DECLINE: "refused at the page: the bill is open again",
        PayerOutcome.TIMEOUT_AFTER_CHARGE: "charged, and no word of it: found by asking",
        PayerOutcome.DUPLICATE_CALLBACK: "told three times: one settlement",
        PayerOutcome.EARLY_CALLBACK: "told before its books show it: one settlement",
        PayerOutcome.LATE_CALLBACK: "told late: settled then",
        PayerOutcome.LOST_CALLBACK: "never told: found by asking",
        PayerOutcome.WRONG_AMOUNT: "another amount: held, the bill is open",
        PayerOutcome.SUCCESS_AFTER_FAILURE: "failure, then success: the success counts",
    }
    endings = [str(one) for one in test_every_gateway.ENDINGS]
    gateways = GATEWAYS
    for outcome, words in said.items():
        yield Rule(words, ends, _PAYING, gateways, _takes_orders, str(outcome), endings)
    more = {
        "test_a_receipt_names_the_way_it_was_paid_and_the_page_its_button": (
            "page and receipt name the way"
        ),
        "test_a_forged_result_is_not_believed": "a forged result over HTTP pays nothing",
        "test_an_attempt_is_left_for_another_whether_or_not_its_payer_came_to_it": (
            "an attempt is left for another; what comes late is refundable"
        ),
        "test_a_gateway_is_not_offered_beyond_its_limits": "not offered beyond its limits",
    }
    for test, words in more.items():
        yield Rule(words, test, _PAYING, gateways, _takes_orders)
    yield Rule(
        "a code that is none is an unknown outcome",
        "test_a_code_that_is_none_is_an_unknown_outcome",
        *("tests/contracts/test_odd_codes.py", test_payment_gateway.GATEWAYS, _takes_orders),
    )


def _of_money_back() -> Iterator[Rule]:
    said = {
        "test_money_goes_back_in_parts_and_never_more_than_came": "refunds in parts, to the đồng",
        "test_a_lost_answer_is_asked_about_and_never_called_for_again": (
            "a lost answer to a refund: one refund"
        ),
        "test_what_the_gateway_is_at_is_asked_about_and_a_late_refusal_puts_it_back": (
            "a late refusal puts the money back where it was"
        ),
        "test_one_that_was_certainly_not_reached_is_called_again_under_its_name": (
            "not reached: called again, under the same name"
        ),
        "test_a_refusal_puts_the_money_where_it_was": "a refusal puts the money where it was",
    }
    for test, words in said.items():
        yield Rule(words, test, _BACK, test_every_refund.GIVING, _gives_back)
    yield Rule(
        "no refund is asked of it",
        "test_one_that_gives_nothing_back_is_not_asked",
        *(_BACK, test_every_refund.OTHERS, _gives_nothing_back),
    )
    files = "tests/integration/test_sandbox_settlements.py"
    settling = [
        name
        for name, dialect in dialects().items()
        if sheets_of(dialect) and _takes_orders(name) is None
    ]
    yield Rule(
        "its settlement file is read to the đồng",
        *("test_a_file_is_what_its_layout_reads", files, settling, _settles),
    )
    yield Rule(
        "each payment of a day is matched by its settlement file",
        *("test_a_day_s_file_is_taken_and_every_payment_matches", files, settling, _settles),
    )
    straight = [name for name in ADAPTERS if _is_on_the_statement(name) is None]
    yield Rule(
        "each payment of a day is matched by the statement of the account that it comes to",
        "test_money_that_comes_straight_is_settled_by_the_account_s_statement",
        *(files, straight, _is_on_the_statement),
    )


RULES: Final = (
    *(*_contract(), *_of_feeds(), *_of_billers()),
    *(*_of_adapters(), *_of_money(), *_of_money_back()),
)


def grades_of(name: str) -> list[Grade]:
    """An adapter's grades: the common rules in their order, then the tests of its own."""
    own = [Grade(words, done=f"`{test}` in `{path}`") for words, test, path in own_tests(name)]
    return [*(_grade(rule, name) for rule in RULES), *own]


def _grade(rule: Rule, name: str) -> Grade:
    reason = rule.excuse(name)
    return Grade(rule.words, exempt=reason) if reason else Grade(rule.words, done=rule.named)


def own_tests(name: str) -> Iterator[tuple[str, str, str]]:
    """Words, name and file of every test in a file that is this adapter's alone."""
    for path in sorted((ROOT / "tests").glob(f"*/test_{name}*.py")):
        shown = str(path.relative_to(ROOT))
        for test in sorted(tests_in(shown)):
            yield test.removeprefix("test_").replace("_", " "), test, shown


@cache
def tests_in(path: str) -> frozenset[str]:
    """The tests of a file, by name; none where there is no such file."""
    place = ROOT / path
    tree = ast.parse(place.read_text("utf-8")) if place.exists() else ast.Module([], [])
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(
        node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_")
    )


def faults(rules: Iterable[Rule] = RULES, adapters: Mapping[str, Any] = ADAPTERS) -> list[str]:
    """What is wrong with the rules: a test that is not there, a case that it does not run with, an
    adapter that it neither runs over nor is excused from, or both."""
    found = []
    for rule in rules:
        if rule.test not in tests_in(rule.path):
            found.append(f"no {rule.test} in {rule.path}")
        if rule.case not in rule.cases:
            found.append(f"{rule.test} does not run with {rule.case}")
        for name in adapters:
            excused = rule.excuse(name) is not None
            runs = name in rule.over
            if excused == runs and not (excused and rule.asks_nothing):
                found.append(f"{rule.test}[{rule.case}]: {name} is {excused=}")
    return found


def unlisted() -> list[str]:
    """Checks of the contract suites, and endings, that no rule names."""
    known: dict[str, Collection[str]] = {rule.test: rule.cases for rule in RULES}
    named = {(rule.test, rule.case) for rule in RULES}
    return sorted(
        f"{test}[{case}]"
        for test, cases in known.items()
        for case in cases
        if (test, case) not in named
    )


def drawn() -> str:
    """The page below its heading: the sums, then each adapter's sheet."""
    graded = {name: grades_of(name) for name in sorted(ADAPTERS)}
    lines = ["| Adapter | Rules | Done | Exempt |", "|---|---|---|---|"]
    for name, grades in graded.items():
        done = sum(1 for one in grades if one.done)
        lines.append(f"| [`{name}`](#{name}) | {len(grades)} | {done} | {len(grades) - done} |")
    for name, grades in graded.items():
        lines += [
            "",
            f"## {name}",
            "",
            "| # | Rule | Grade | Test, or reason |",
            "|---|---|---|---|",
        ]
        for number, one in enumerate(grades, 1):
            grade, why = ("done", one.done) if one.done else ("exempt", one.exempt)
            lines.append(f"| {number} | {one.rule} | {grade} | {why} |")
    return "\n".join(lines)
