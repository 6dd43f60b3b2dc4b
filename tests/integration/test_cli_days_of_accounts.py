"""`lephi day-rule`, `lephi statement supersede` and `lephi reconcile undo`, as two people do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import build
from app.seed.agency import DEMO_ACCOUNT
from core.clock import VIETNAM, business_date, now
from tests.integration.test_cli_approvals import CHIEF, CLERK, PASSWORD, as_json, fill, lephi
from tests.integration.test_cli_closing import statement_of

Lephi = Callable[..., Result]
__all__ = ["fill", "lephi"]


@pytest.fixture
def house(lephi: Lephi, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    """`lephi` with the families that are needed here."""
    families = {name: build(name) for name in ("day-rule", "reconcile", "statement")}

    def run(family: str, *words: str, code: int = 0) -> Result:
        if family not in families:
            return lephi(family, *words, code=code)
        monkeypatch.setenv("LEPHI_USER_PASSWORD", PASSWORD)
        done = CliRunner().invoke(families[family], [family, *words])
        assert done.exit_code == code, done.output
        return done

    return run


def test_rules_versions_and_undoing_from_the_command_line(house: Lephi, tmp_path: Path) -> None:
    moment = now().astimezone(VIETNAM)
    today = business_date(moment).isoformat()
    asked = as_json(
        house(
            *("day-rule", "set", "--account", DEMO_ACCOUNT, "--valid-from", today),
            *("--sweep-words", "ket chuyen nhnn", "--missing-after", "4"),
            *("--reason", "thỏa thuận", "--by", CLERK, "--json"),
        )
    )
    house("approvals", "approve", asked["id"], "--by", CHIEF)
    (rule,) = as_json(house("day-rule", "list", "--account", DEMO_ACCOUNT, "--json"))
    assert (rule["sweep_words"], rule["missing_after"]) == (["ket chuyen nhnn"], 4)
    file = statement_of(moment, tmp_path)
    mapped = ("--mapping", "lephi-basic")
    taken = as_json(
        house("statement", "import", str(file), "--account", DEMO_ACCOUNT, *mapped, "--json")
    )
    again = ("statement", "supersede", taken["id"], str(file), *mapped)
    by = ("--reason", "phát hành lại", "--by", CLERK, "--json")
    assert as_json(house(*again, *by))["known"] is True
    file.write_text(file.read_text(encoding="utf-8").replace(",900000,", ",800000,"), "utf-8")
    newer = as_json(house(*again, *by))
    assert newer["figures"]["difference"]["changed"]["count"] == 1
    house("approvals", "approve", newer["id"], "--by", CHIEF)
    shown = house("reconcile", "show", "--account", DEMO_ACCOUNT, "--date", today)
    assert "v2: +807000" in shown.stdout
    undo = ("reconcile", "undo", "rec_x", "pay_x", "--reason", "nhầm", "--by", CLERK)
    assert "đối chiếu" in house(*undo, code=1).stderr
