"""Reading a page's HTML as a check needs it: a tree, its words, and what it would run."""

import lxml.html
from lxml.html import HtmlElement


def tree_of(html: str) -> HtmlElement:
    """The page as a tree."""
    tree: HtmlElement = lxml.html.document_fromstring(html)
    return tree


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
