"""`lephi settlement batches`, `pay-over`, `undo`, `replace` and `lines`, as two people do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import build
from app.seed.agency import DEMO_ACCOUNT
from app.settlement_layouts import settlement_layouts
from core.clock import business_date, now
from core.crypto import Cipher
from core.db import Database
from core.ids import new_id
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import create_staff_user
from payments.agencies.queries import find_collection_account
from payments.books.credits import record_credit
from payments.ports import Credit
from reconciliation.formats.settlement_layouts import get_layout
from tests.integration.test_cli_approvals import CHIEF, CLERK, PASSWORD, as_json
from tests.support.gateway_setups import PAYGOV
from tests.support.settlements import GATEWAY, HEADER
from tests.support.system_builder import build_system

Lephi = Callable[..., Result]


async def fill(url: str) -> None:
    """A body with an account at PayGov, 7,000 đ in suspense, its finance clerk and its chief."""
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        built = await build_system(session, Cipher(b"k" * 32), [PAYGOV])
        for email, role in ((CLERK, Role.FINANCE), (CHIEF, Role.CHIEF)):
            await create_staff_user(
                session,
                agency_id=built.body.agency_id,
                email=email,
                name="Người Thử",
                password=PASSWORD,
                roles=[role],
            )
        account = await find_collection_account(session, DEMO_ACCOUNT)
        assert account is not None
        told = Credit("1", "FT26000001", DEMO_ACCOUNT, 7000, "chuyen tien", now())
        await record_credit(
            session, account, told, source="feed", actor="test", cipher=Cipher(bytes(32))
        )
    await database.dispose()


@pytest.fixture
def lephi(filled_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    monkeypatch.setenv("LEPHI_DATABASE_URL", filled_database_url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))
    families = {name: build(name) for name in ("settlement", "suspense", "approvals")}

    def run(family: str, *words: str, code: int = 0) -> Result:
        monkeypatch.setenv("LEPHI_USER_PASSWORD", PASSWORD)
        done = CliRunner().invoke(families[family], [family, *words])
        assert done.exit_code == code, done.output
        return done

    return run


def file_of(folder: Path, *rows: str) -> Path:
    path = folder / "quyet-toan.csv"
    path.write_text("\n".join((HEADER, *rows)))
    return path


def test_a_batch_is_paid_over_and_taken_back_by_two_people(lephi: Lephi, tmp_path: Path) -> None:
    on = business_date(now())
    # What the gateway gives of its own: nothing was in transit for it.
    file = file_of(tmp_path, f"B-9,{on},adjustment,,,7000,0,7000,")
    where = ("--gateway", GATEWAY)
    lephi("settlement", "import", str(file), *where, "--mapping", "lephi-settlement")
    page = as_json(lephi("settlement", "batches", *where, "--json"))
    (batch,) = page["items"]
    told = (batch["batch_ref"], batch["gross"], batch["fee"], batch["net"], batch["payout"])
    assert told == ("B-9", 0, -7000, 7000, None)
    (item,) = as_json(lephi("suspense", "list", "--json"))
    said = ("--credit", item["payment_id"], *where, "--reason", "đã xem", "--by", CLERK)
    wrong = lephi("settlement", "pay-over", "B-8", *said, code=1)
    assert "B-8" in wrong.stderr
    asked = as_json(lephi("settlement", "pay-over", "B-9", *said, "--json"))
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    (batch,) = as_json(lephi("settlement", "batches", *where, "--json"))["items"]
    assert as_json(lephi("suspense", "list", "--json")) == []
    undoing = ("undo", batch["payout"], "--reason", "nhầm lô", "--by", CLERK, "--json")
    asked = as_json(lephi("settlement", *undoing))
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    (item,) = as_json(lephi("suspense", "list", "--json"))
    assert (item["reason"], item["amount"]) == ("gateway_settlement", 7000)
    assert "B-9" in lephi("settlement", "batches", *where).stdout


def test_of_a_layout_whose_file_nobody_has_seen_it_is_said(lephi: Lephi, tmp_path: Path) -> None:
    today = business_date(now())
    layout = get_layout(settlement_layouts(), "viettel", today)
    on = f"{today:%d/%m/%Y}"
    row = f"V1;{on};1;O1;VT{new_id('n')};20000;200;19800;{on} 00:00:00"
    file = tmp_path / "viettel.csv"
    file.write_text("\n".join([";".join(layout.columns.values()), row, ""]), encoding="utf-8")
    words = ("settlement", "import", str(file), "--gateway", GATEWAY, "--json")
    done = lephi(*words, "--mapping", "viettel")
    assert as_json(done)["row_count"] == 1
    assert "Nobody has seen a real file of the layout viettel" in done.stderr
    # The control: ours is no guess.
    own = file_of(tmp_path, f"B-7,{today},payment,,G{new_id('n')},5000,50,4950,")
    done = lephi("settlement", "import", str(own), *words[3:], "--mapping", "lephi-settlement")
    assert done.stderr == ""


def test_a_file_is_replaced_and_its_lines_shown_page_by_page(lephi: Lephi, tmp_path: Path) -> None:
    on = business_date(now())
    rows = [f"B-1,{on},payment,,G{n},5000,50,4950," for n in range(3)]
    words = ("--gateway", GATEWAY, "--mapping", "lephi-settlement")
    lephi("settlement", "import", str(file_of(tmp_path, *rows)), *words)
    (first,) = as_json(lephi("settlement", "list", "--gateway", GATEWAY, "--json"))
    page = as_json(lephi("settlement", "lines", first["id"], "--limit", "2", "--json"))
    assert len(page["items"]) == 2
    rest = ("settlement", "lines", first["id"], "--after", page["next_cursor"], "--json")
    assert len(as_json(lephi(*rest))["items"]) == 1
    newer = file_of(tmp_path, *rows[:2])
    by = ("--mapping", "lephi-settlement", "--reason", "phát hành lại", "--by", CLERK)
    asked = as_json(lephi("settlement", "replace", first["id"], str(newer), *by, "--json"))
    assert asked["figures"]["differing"] == {"added": 0, "gone": 1, "changed": 0}
    lephi("approvals", "approve", asked["id"], "--by", CHIEF)
    second, old = as_json(lephi("settlement", "list", "--gateway", GATEWAY, "--json"))
    assert (second["version"], second["replaces"]) == (2, old["id"])
    same = lephi("settlement", "replace", second["id"], str(newer), *by)
    assert "nothing changed" in same.stdout
    other = file_of(tmp_path, rows[0].replace("5000,50,4950", "6000,50,5950"))
    refused = lephi("settlement", "import", str(other), *words, code=1)
    assert second["id"] in refused.stderr
    lephi("settlement", "import", str(other), *words, "--separate")
