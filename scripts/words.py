"""Brings the catalogues of words in line with what the pages say: `make words`.

A text that is new stands in a catalogue without its translation, one that is said no more is gone.
Nothing is guessed: a text that was changed is a new one.
"""

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
WEB = ROOT / "app" / "web"
KEYWORDS = {"_": None, "noted": None}
_METHODS = [("**.py", "python"), ("**.html", "jinja2")]
_OPTIONS = {"**.html": {"trimmed": "true"}}


def said(folder: Path = WEB) -> dict[str, list[tuple[str, int]]]:
    """Every text that the code and the templates of a folder say, and where."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, line, text, _, _ in extract_from_dir(folder, _METHODS, _OPTIONS, KEYWORDS):
        found.setdefault(str(text), []).append((name, line))
    return dict(sorted(found.items()))


def catalogues(folder: Path = WEB) -> list[Path]:
    """The catalogue of each language but Vietnamese."""
    return sorted(folder.glob("locale/*/LC_MESSAGES/lephi.po"))


def read(path: Path) -> Catalog:
    """A catalogue as it stands. Raises `PoFileError` where it cannot be read."""
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3], abort_invalid=True)


def renewed(old: Catalog, texts: dict[str, list[tuple[str, int]]]) -> bytes:
    """A catalogue's file with exactly these texts, and the translations that it had.

    Where a text stands is told by file alone, so that a line added above changes nothing here.
    """
    new = Catalog(old.locale, header_comment="# The words of the pages.", fuzzy=False)
    for text, places in texts.items():
        had = old.get(text)
        files = [(name, 0) for name in sorted({name for name, _ in places})]
        new.add(text, had.string if had is not None else "", locations=files)
    written = BytesIO()
    write_po(written, new, width=100, omit_header=True, include_lineno=False)
    head = (
        'msgid ""\nmsgstr ""\n"Language: '
        f'{old.locale}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    )
    return head.encode() + written.getvalue()


def main() -> None:
    """Write each catalogue anew and tell what it lacks."""
    texts = said()
    for path in catalogues():
        path.write_bytes(renewed(read(path), texts))
        missing = [str(entry.id) for entry in read(path) if entry.id and not entry.string]
        print(f"{path.relative_to(ROOT)}: {len(texts)} texts, {len(missing)} without words")
        for text in missing:
            print(f"  {text}")


if __name__ == "__main__":
    main()
