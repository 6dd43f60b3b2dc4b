"""What would make every debit a sweep is no rule; files are written and read beside the loop."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from core import clock
from reconciliation.cases import sheet_api
from reconciliation.reports import api as reports_api
from tests.support.problems import problem
from tests.support.staff import finance_office
from tests.support.statements import reconcile
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("words", ["------", "......", "- . - . -", "ab.cd.e", "      "])
async def test_words_of_signs_are_no_words_of_a_sweep(shared_system: System, words: str) -> None:
    office = await finance_office(shared_system)
    body = {
        "account": shared_system.body.collection_code,
        "valid_from": clock.business_date(clock.now()).isoformat(),
        "sweep_words": [words],
        "reason": "thỏa thuận",
    }
    told = problem(await office.post("/day-rules", body), 422)
    assert told["errors"][0]["field"].startswith("sweep_words")


async def test_workbooks_and_reports_are_written_and_read_beside_the_loop(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_loop: dict[str, bool] = {}

    def watched(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any) -> Any:
            on_the_loop[name] = threading.current_thread() is threading.main_thread()
            return work(*given)

        return noted

    for module, name in (
        (sheet_api, "read_sheet"),
        (sheet_api, "write_sheet"),
        (reports_api, "write_report"),
    ):
        monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    office = await finance_office(shared_system)
    path = f"/api/v1/reconciliations/{(await reconcile(shared_system))['id']}/discrepancies.xlsx"
    browser = shared_system.browser
    sheet = await browser.get(path, headers=office.clerk)
    await browser.post(
        path,
        files={"file": ("d.xlsx", sheet.content)},
        headers=office.clerk | {"Idempotency-Key": "k1"},
    )
    day = clock.business_date(clock.now()).isoformat()
    await browser.get(
        "/api/v1/reports/accounts",
        params={"from": day, "to": day, "format": "xlsx"},
        headers=office.clerk,
    )
    assert on_the_loop == {"read_sheet": False, "write_sheet": False, "write_report": False}
