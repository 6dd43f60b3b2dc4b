"""No đồng is lost, doubled or made up, whatever bills, payers, gateway, bank, time and crashes do.

The machine drives the real service (over ASGI, on a real database) and a gateway and a bank that
lie. After every step the invariants of the system hold; when all that was on its way has come,
every charge and every credit is exactly one payment and lies where a reader of the gateway's and
the bank's books would put it (`tests.support.money_oracle`).

LEPHI_TEST_EXAMPLES sets how many runs are tried.
"""

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.examples import examples

if TYPE_CHECKING:
    from tests.support.money_machine import MoneyMachine


@pytest.mark.timeout(1200)  # only a failure takes long: it is shrunk for up to five minutes
def test_money_is_where_the_gateways_and_the_banks_books_put_it(
    money_machine: type["MoneyMachine"],
) -> None:
    run_state_machine_as_test(
        money_machine,
        settings=settings(
            max_examples=int(os.environ.get("LEPHI_TEST_EXAMPLES", examples(20))),
            stateful_step_count=20,
            suppress_health_check=list(HealthCheck),
        ),
    )
