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
    told = install.read_settings(LISTED) | {"proxy": "http://proxy.example:3128"}
    assert install.told_to_uv(told) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_EXTRA_INDEX_URL": "https://one.example/simple https://two.example/simple",
        "UV_FIND_LINKS": "/srv/wheels",
        "SSL_CERT_FILE": "/etc/ssl/own.pem",
        "ALL_PROXY": "http://proxy.example:3128",
    }


def test_a_setting_that_says_nothing_is_none() -> None:
    listed = ":env:.cert=''\n:env:.index-url=''\nglobal.index-url='https://mirror.example/simple'"
    told = {"index-url": "https://mirror.example/simple"}
    assert install.read_settings(listed) == told
    assert install.told_to_uv(told) == {"UV_DEFAULT_INDEX": "https://mirror.example/simple"}


class Installers:
    """A uv and a pip that note their coming, in place of the real ones."""

    def __init__(self, at: Path, monkeypatch: pytest.MonkeyPatch, listed: str = "") -> None:
        self._heard = at / "heard"
        self.uv = at / "uv"
        came = (
            f"import sys; open({str(self._heard)!r}, 'a').write(' '.join(sys.argv[1:]) + chr(10))"
        )
        monkeypatch.setattr(install, "_UV", self.uv)
        monkeypatch.setattr(install, "_PIP", [sys.executable, "-c", f"print({listed!r})"])
        monkeypatch.setattr(install, "_PIP_INSTALL", [sys.executable, "-c", came, "by pip:"])

    def put_uv(self, text: str, mode: int = 0o755) -> None:
        self.uv.write_text(text, encoding="utf-8")
        self.uv.chmod(mode)

    def put_answering_uv(self, status: int) -> None:
        told = '"$UV_DEFAULT_INDEX" "$@"'
        self.put_uv(f"#!/bin/sh\nprintf '%s ' {told} >> {self._heard}\nexit {status}\n")

    @property
    def heard(self) -> str:
        return self._heard.read_text(encoding="utf-8")


def test_uv_does_it_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = "global.index-url='https://bot:secret@mirror.example/simple'\n:env:.no-index='On'"
    installers = Installers(tmp_path, monkeypatch, listed)
    installers.put_answering_uv(0)
    assert install.main(["thing"]) == 0
    index, _, arguments = installers.heard.partition(" ")
    assert index == "https://bot:secret@mirror.example/simple"
    # A password is nobody else's to read, as everybody reads a command line.
    assert "secret" not in arguments
    assert "--no-index thing" in arguments
    assert "by pip" not in arguments


@pytest.mark.parametrize("why", ["it is not there", "it fails", "it is broken", "it may not run"])
def test_pip_does_it_where_uv_cannot(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installers = Installers(tmp_path, monkeypatch)
    if why == "it fails":
        installers.put_answering_uv(2)
    elif why == "it is broken":
        installers.put_uv("\x00no program")
    elif why == "it may not run":
        installers.put_uv("#!/bin/sh\nexit 0\n", 0o600)
    assert install.main(["thing"]) == 0
    assert installers.heard.endswith("by pip: thing\n")
