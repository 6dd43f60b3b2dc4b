"""A provider is named in its own folder and nowhere else: it says itself what others must know."""

import re
import shutil
from pathlib import Path

from adapters.registry import ADAPTERS
from adapters.sandbox.engine.discovery import dialects
from app.gateway_sheets import settlement_file_of
from tests.architecture.source import ROOT

#: Where no provider may be named, in code, words or templates.
ELSEWHERE = (
    "core",
    "payments",
    "receipts",
    "reconciliation",
    "app",
    "adapters/keystore",
    "adapters/sandbox/engine",
)
#: Files beside the folders that everybody reads.
BESIDE = ("adapters/http.py", "adapters/sandbox/__init__.py")

#: Folders of files that others wrote (tests/architecture/test_vendored.py).
THEIRS = ("fonts", "swagger-ui")

#: Providers that have no adapter yet, or never will.
OTHERS = (
    *(
        "momo",
        "zalopay",
        "payos",
        "casso",
        "keypay",
        "viettelpay",
        "shopeepay",
        "onepay",
        "vnptpay",
    ),
    *("stripe", "paypal"),
)
NAMES = sorted({*ADAPTERS, *dialects(), *OTHERS})
_NAMED = re.compile(rf"(?<![a-z])({'|'.join(NAMES)})(?![a-z])", re.IGNORECASE)


def named(root: Path) -> list[str]:
    """Each place below `root` that names a provider and may not, as `path:line: name`."""
    files = [path for folder in ELSEWHERE for path in sorted((root / folder).rglob("*"))]
    files += [root / name for name in BESIDE]
    found = []
    for path in files:
        if not path.is_file() or {"__pycache__", *THEIRS} & set(path.parts):
            continue
        text = path.read_text("utf-8")
        if _NAMED.search(text) is None:  # nearly all of them
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            where = f"{path.relative_to(root).as_posix()}:{number}"
            found += [f"{where}: {hit[0].lower()}" for hit in _NAMED.finditer(line)]
    return found


def test_no_provider_is_named_outside_its_folder() -> None:
    assert named(ROOT) == []


#: Planted at once, for copying and reading everything takes a second.
PLANTED = (
    ("payments/attempts/checkout.py", 'if gateway == "vnpay": fee = 1100', "vnpay"),
    ("app/web/templates/bill.html", '{% set names = {"paygov": "PayGov"} %}', "paygov"),
    ("receipts/commands.py", '_METHODS = {"SePay": "Chuyển khoản"}', "sepay"),
    ("adapters/sandbox/engine/app.py", '@app.post("/momo/create")', "momo"),
    ("adapters/sandbox/engine/state.py", "# as ZaloPay does", "zalopay"),
    ("core/money.py", "VNPAY_SCALE = 100", "vnpay"),
    ("app/demo.py", 'merchant = seeded.gateways["paygov"]', "paygov"),
    ("adapters/http.py", 'UNTOUCHED = {"vnpay": 429}', "vnpay"),
)


def test_every_planted_name_is_caught(tmp_path: Path) -> None:
    for folder in ELSEWHERE:
        ignored = shutil.ignore_patterns("__pycache__", *THEIRS)
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    for name in BESIDE:
        shutil.copy(ROOT / name, tmp_path / name)
    wanted = []
    for path, line, name in PLANTED:
        lines = len((tmp_path / path).read_text("utf-8").splitlines())
        with (tmp_path / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
        # Each is another line of another file, and what was there before names nobody.
        wanted.append(f"{path}:{lines + 2}: {name}")
    assert sorted(set(named(tmp_path))) == sorted(wanted)


def test_every_adapter_has_a_row_in_the_operators_guide() -> None:
    guide = (ROOT / "docs" / "gateways.md").read_text("utf-8")
    rows = [line for line in guide.splitlines() if line.startswith("| `")]
    assert sorted(row.split("`")[1] for row in rows) == sorted(ADAPTERS)
    for row in rows:
        info = ADAPTERS[row.split("`")[1]].info
        missing = [field.name for field in info.fields if f"`{field.name}`" not in row]
        assert missing == [], f"{info.name}: fields that its row does not name"
        assert f"| {info.title_en}: " in row, f"{info.name}: its row begins with its title"
        told = f"| {settlement_file_of(info)} |"
        assert row.endswith(told), f"{info.name}: its row ends with its settlement file: {told}"
