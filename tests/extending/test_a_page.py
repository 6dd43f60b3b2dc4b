"""The page's page: what it says in each language, how it looks, who complains without its lines."""

from collections.abc import Iterator
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from jinja2 import ChoiceLoader, FileSystemLoader

from app.web.languages import KEPT
from app.web.policy import STRICT
from app.web.templating import ENVIRONMENTS
from app.web.translations import WORDS
from tests.architecture.source import ROOT, Source
from tests.architecture.test_handlers_and_routers import unincluded
from tests.support import browser as chromium
from tests.support.accessibility import WIDTHS, faults_of, too_wide
from tests.support.browser import tab
from tests.support.extend_page import FILES, PIECES, added
from tests.support.markup import (
    foreign_addresses,
    foreign_words,
    inline_code,
    tree_of,
    words_of,
)
from tests.support.page_routes import unlisted
from tests.support.system import System

ROUTE, TEMPLATE = "app/web/citizen/contact.py", "app/web/templates/contact.html"
CATALOGUE = "app/web/locale/en/LC_MESSAGES/lephi.po"


@pytest.fixture
def contact(system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """The system with the page's route, template and words."""
    (tmp_path / "contact.html").write_text(FILES[TEMPLATE], encoding="utf-8")
    for made in ENVIRONMENTS.values():
        environment: Any = made
        loader = ChoiceLoader([environment.loader, FileSystemLoader(tmp_path)])
        monkeypatch.setattr(environment, "loader", loader)
    (piece,) = [text for path, _, _, text in PIECES if path == CATALOGUE]
    english: Any = WORDS["en"].catalogue
    for entry in read_po(StringIO(piece)):
        if entry.id:
            monkeypatch.setitem(english, entry.id, entry.string)
    with added(tmp_path / "page", ROUTE):
        system.app.include_router(import_module("app.web.citizen.contact").router)
        yield system


async def test_it_shows_a_body_in_one_language_and_loads_nothing_foreign(contact: System) -> None:
    code = contact.body.agency_code
    said = {"vi": ("Địa chỉ", "Điện thoại", "Mức thu phí"), "en": ("Address", "Telephone", "Fees")}
    for language, texts in said.items():
        headers = {"Accept": "text/html", "Cookie": f"{KEPT}={language}"}
        answer = await contact.browser.get(f"/contact/{code}", headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-security-policy"] == STRICT
        assert inline_code(answer.text) == foreign_addresses(answer.text, contact.base_url) == []
        assert foreign_words(answer.text, language) == []
        words = words_of(answer.text)
        assert all(text in words for text in texts)
        assert tree_of(answer.text).xpath(f"//main//a/@href = '/p/{code}'")
    missing = await contact.browser.get("/contact/nobody", headers={"Accept": "text/html"})
    assert missing.status_code == 404


async def test_it_is_for_everybody_on_every_screen(contact: System) -> None:
    address = f"{contact.base_url}/contact/{contact.body.agency_code}"
    async with chromium.started() as browser, tab(browser) as shown:
        await shown.open(address)
        for scheme in ("light", "dark"):
            await shown.page.emulate_media(color_scheme=scheme)
            assert await faults_of(shown.page) == []
        for width in WIDTHS:
            await shown.page.set_viewport_size({"width": width, "height": 740})
            assert await too_wide(shown.page) == []
        assert shown.complaints == []
        await shown.page.evaluate("document.querySelector('h1').outerHTML = '<h3>Liên hệ</h3>'")
        assert await faults_of(shown.page)


async def test_a_page_that_is_in_no_list_is_complained_of(contact: System) -> None:
    listed = [f"/contact/{contact.body.agency_code}"]
    assert "/contact/{agency}" in unlisted(contact.app, [])
    assert "/contact/{agency}" not in unlisted(contact.app, listed)


def test_a_route_that_is_not_included_is_complained_of() -> None:
    page = Source(ROUTE, FILES[ROUTE])
    main = (ROOT / "app" / "main.py").read_text(encoding="utf-8")
    assert unincluded([page], Source("app/main.py", main)) == [ROUTE]
    line = "    app.include_router(home.router)\n"
    assert main.count(line) == 1
    main = main.replace(line, f"{line}    app.include_router(contact.router)\n")
    main = main.replace("    bills,\n", "    bills,\n    contact,\n", 1)
    assert unincluded([page], Source("app/main.py", main)) == []
