"""Reading a page's HTML as a check needs it: a tree, its words, and what it would run."""

import re
from collections.abc import Iterable

import lxml.html
from lxml.html import HtmlElement

from app.web.translations import WORDS


def tree_of(html: str) -> HtmlElement:
    """The page as a tree."""
    tree: HtmlElement = lxml.html.document_fromstring(html)
    return tree


def cells_of(html: str) -> list[list[str]]:
    """The rows of a page's tables of staff (`sheet`), each cell as words."""
    rows = tree_of(html).xpath("//table[contains(@class, 'sheet')]/tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row.xpath("./td")] for row in rows]


def words_of(html: str) -> str:
    """What a reader sees of `main`, with single spaces."""
    return " ".join(str(tree_of(html).xpath("string(//main)")).split())


def inline_code(html: str) -> list[str]:
    """What a strict policy forbids: scripts, styles and handlers that stand in the page."""
    found = []
    for element in tree_of(html).iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag == "style" or (element.tag == "script" and not element.get("src")):
            found.append(f"<{element.tag}>")
        for name, value in element.attrib.items():
            handler = str(name).startswith("on") or name == "style"
            if handler or str(value).strip().lower().startswith("javascript:"):
                found.append(f"<{element.tag} {name}>")
    return found


def foreign_addresses(html: str, home: str) -> list[str]:
    """The images, scripts and styles that a page would load from anywhere but home."""
    tree = tree_of(html)
    loaded = [*tree.xpath("//img/@src"), *tree.xpath("//script/@src"), *tree.xpath("//link/@href")]
    return [str(a) for a in loaded if not str(a).startswith(("/", home)) or str(a)[:2] == "//"]


#: What only Vietnamese has, without the word for the currency, which every language uses.
_VIETNAMESE = re.compile("[àáâãèéêìíòóôõùúýăđĩũơưạ-ỹ]", re.IGNORECASE)


def foreign_words(html: str, language: str, names: Iterable[str] = ()) -> list[str]:
    """The texts of a page that are in the other language and not marked as being so.

    English is known by being in the catalogue, Vietnamese by its letters; `names` are nobody's
    language, nor is "đồng".
    """
    english = set(WORDS["en"].catalogue.values())
    found = []
    for element in tree_of(html).iter():
        if not isinstance(element.tag, str) or element.tag in ("script", "style"):
            continue
        attributes = [element.get(name) for name in ("alt", "title", "aria-label", "placeholder")]
        parts = [(element, text) for text in (element.text, *attributes) if text]
        parent = element.getparent()
        if element.tail and parent is not None:
            parts.append((parent, element.tail))
        for holder, text in parts:
            said = next(iter(holder.xpath("ancestor-or-self::*[@lang][1]/@lang")), language)
            plain = " ".join(text.split())
            if said != language:
                continue
            if language == "vi" and plain in english and re.search("[a-z]{3}", plain):
                found.append(plain)
            for name in ("đồng", "Lệ Phí", *names):
                plain = plain.replace(name, "")
            if language == "en" and _VIETNAMESE.search(plain):
                found.append(" ".join(text.split()))
    return found
