"""What `make` installs with: uv is told what pip has been told, and pip stands in for it."""

import sys
from pathlib import Path

import pytest

from scripts import install

LISTED = """\
:env:.cert='/etc/ssl/own.pem'
:env:.find-links='/srv/wheels'
global.cert='/etc/ssl/all.pem'
global.extra-index-url='https://one.example/simple https://two.example/simple'
global.find-links='/srv/older'
global.index-url='https://all.example/simple'
install.index-url='https://mirror.example/simple'
list.format='columns'
"""


def test_one_setting_gives_way_to_another_as_in_pip() -> None:
    assert install.read_settings(LISTED) == {
        "cert": "/etc/ssl/own.pem",
        "find-links": "/srv/wheels",
        "extra-index-url": "https://one.example/simple https://two.example/simple",
        "index-url": "https://mirror.example/simple",
    }


def test_uv_is_told_what_pip_was_told() -> None:
    options, variables = install.told_to_uv(
        install.read_settings(LISTED) | {"no-index": "true", "proxy": "http://proxy.example:3128"}
    )
    assert " ".join(options) == (
        "--index-strategy unsafe-best-match"
        " --default-index https://mirror.example/simple"
        " --index https://one.example/simple --index https://two.example/simple"
        " --find-links /srv/wheels --no-index"
    )
    assert variables == {
        "SSL_CERT_FILE": "/etc/ssl/own.pem",
        "ALL_PROXY": "http://proxy.example:3128",
    }


@pytest.mark.parametrize(
    ("status", "who"), [(0, ["uv"]), (1, ["uv", "pip"]), (None, ["pip"])], ids=str
)
def test_pip_stands_in_where_uv_fails_or_is_missing(
    status: int | None, who: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = tmp_path / "heard"
    pip = (
        f"import sys; open({str(heard)!r}, 'a').write('pip '); sys.exit(sys.argv[1:] != ['thing'])"
    )
    uv = tmp_path / "uv"
    if status is not None:
        uv.write_text(f"#!/bin/sh\nprintf 'uv ' >> {heard}\nexit {status}\n", encoding="utf-8")
        uv.chmod(0o755)
    monkeypatch.setattr(install, "_UV", uv)
    monkeypatch.setattr(install, "_install_uv", lambda: False)
    monkeypatch.setattr(install, "_PIP_INSTALL", [sys.executable, "-c", pip])
    assert install.main(["thing"]) == 0
    assert heard.read_text(encoding="utf-8").split() == who
