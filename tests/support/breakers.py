"""Circuit breakers of gateways, between tests that share a system."""

import psycopg

from tests.support.system import System


def answer_again(system: System) -> None:
    """Send payers to every gateway again, whatever silences were counted."""
    url = system.parts.database.url.replace("+psycopg", "", 1)
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM gateway_breaker")
    system.parts.payments.breakers.forget()
