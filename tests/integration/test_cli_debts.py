"""`lephi debts`, as the office that collects uses it."""

from pathlib import Path

from tests.integration.test_cli_approvals import CHIEF, CLERK, as_json, fill, lephi
from tests.integration.test_cli_closing import Lephi, house
from tests.support.debts import land, land_file

__all__ = ["fill", "house", "lephi"]


def test_a_list_is_looked_at_taken_changed_and_withdrawn(house: Lephi, tmp_path: Path) -> None:
    file, marked = tmp_path / "dat.csv", tmp_path / "loi.xlsx"
    of_list = ("--agency", "ubnd-ben-mau", "--kind", "land_tax", "--list", "dat", "--by", CLERK)
    file.write_bytes(land_file(land("ID-1"), land("ID-2", amount="x")))
    refused = house("debts", "import", str(file), *of_list, "--errors", str(marked), code=1)
    assert "row 3, column Số tiền" in refused.stderr
    assert marked.read_bytes().startswith(b"PK")
    file.write_bytes(land_file(land("ID-1"), land("ID-2")))
    shown = as_json(house("debts", "preview", str(file), *of_list, "--json"))
    assert (shown["changes"], shown["takes_two_people"]) == ({"new": 2}, False)
    done = as_json(house("debts", "import", str(file), *of_list, "--json"))
    assert (done["state"], done["outcome"]) == ("done", {"new": 2})
    again = as_json(house("debts", "import", str(file), *of_list, "--json"))
    assert again["id"] == done["id"]
    file.write_bytes(land_file(land("ID-1", amount="9.000")))
    asked = as_json(house("debts", "import", str(file), *of_list, "--json"))
    assert (asked["kind"], asked["figures"]["debts_withdrawn"]) == ("debt_list", 1)
    house("approvals", "approve", asked["id"], "--by", CHIEF)
    done = as_json(house("debts", "import", str(file), *of_list, "--json"))
    assert done["outcome"] == {"anew": 1, "withdrawn": 1}
    why = ("--reason", "nhầm danh sách", "--by", CLERK, "--json")
    asked = as_json(house("debts", "cancel", "--list", done["id"], *why))
    assert asked["figures"]["amount_after"] == 0
    listed = as_json(house("debts", "list", "--json"))
    assert [one["version"] for one in listed] == [3, 2, 1]
    assert as_json(house("debts", "list", "--findings", "--json")) == []
