"""The files of others that lie here are what their makers publish, with their licences, and few."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tests.architecture.source import ROOT

#: By folder: each file and its SHA-256, as in the version that docs/decisions/0009 names.
VENDORED = {
    "receipts/fonts": {
        "BeVietnamPro-Bold.ttf": "7f738fe5c43c8872807b20e2d30d42163618de8a4daf7f48a939adac32c16847",
        "BeVietnamPro-Italic.ttf": (
            "a33ebb3f68e0e260a7d3874d64259ad309971a2daf969e7ce5f444d70bce535f"
        ),
        "BeVietnamPro-Regular.ttf": (
            "cd1ef6e9d7db28ad5cdb88a65ccbe693870e60d340b791f349d248342b4fe4c3"
        ),
        "OFL.txt": "6b7f8f73609a25ea78c891e34cf37b06f8a676b7ea986e941e43b009110f2a85",
    },
    "app/web/static/swagger-ui": {
        "LICENSE": "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
        "NOTICE": "0d20d1adef18aee3f40dd258172155521ce702ac445cb5f7b7d60ed32dad2fb2",
        "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
        "swagger-ui-bundle.js.LICENSE.txt": (
            "37eb6e7e59aed57b2c1acf076574b818ea07b74265717e0bd67b59e0baf9abbb"
        ),
        "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
    },
}


def unlike(folder: Path, sums: Mapping[str, str]) -> list[str]:
    """The files of a folder that are missing, too many, or not as they were published."""
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    return sorted(name for name in there.keys() | sums if there.get(name) != sums.get(name))


def test_the_files_are_as_they_were_published() -> None:
    assert {folder: unlike(ROOT / folder, sums) for folder, sums in VENDORED.items()} == {
        folder: [] for folder in VENDORED
    }


def test_a_changed_a_missing_and_a_further_file_are_noticed(tmp_path: Path) -> None:
    sums = {name: hashlib.sha256(b"").hexdigest() for name in ("changed", "gone", "kept")}
    for name, content in {"changed": b"1", "kept": b"", "more": b""}.items():
        (tmp_path / name).write_bytes(content)
    assert unlike(tmp_path, sums) == ["changed", "gone", "more"]
