"""Our own words in the language of a page, from gettext catalogues.

The Vietnamese of a text stands where it is used and is its name in the catalogue; the English is in
`locale/en/LC_MESSAGES/lephi.po`, read when a process starts. `make words` brings the catalogue in
line with the code, and a test fails while a text has no English.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po
from markupsafe import Markup, escape

from app.web.languages import LANGUAGES, Language
from core.unseen import without_unseen

LOCALE: Final = Path(__file__).parent / "locale"

#: A sum in đồng or a count, as Vietnamese sentences of ours write it.
_FIGURE = re.compile(r"(\d{1,3}(?:\.\d{3})*)( đ)?")


@dataclass(frozen=True)
class Words:
    """What one language calls our texts. Vietnamese has nothing to look up."""

    language: Language
    catalogue: Mapping[str, str]

    def say(self, text: str, /, **values: object) -> Markup:
        """A text of ours, which may hold markup, with values, which may not.

        A value's signs that nobody sees are shown as what they are, as everywhere on a page.
        """
        said = Markup(self.catalogue.get(text, text))  # noqa: S704  ours, and no value is in it yet
        if not values:
            return said
        return said % {name: shown(value) for name, value in values.items()}

    def detail(self, sentence: str) -> str | Markup:
        """A sentence that a room below has made for a person, such as what is wrong in a form.

        What the catalogue does not know stays Vietnamese and says so.
        """
        if self.language == "vi":
            return sentence
        if sentence in self.catalogue:
            return self.catalogue[sentence]
        for pattern, text in self._patterns:
            if match := pattern.fullmatch(sentence):
                return text % {name: _value(name, one) for name, one in match.groupdict().items()}
        return self.vietnamese(sentence)

    def vietnamese(self, text: str) -> str | Markup:
        """A text that there is in Vietnamese alone: marked, where the page is in another."""
        if self.language == "vi" or not text:
            return text
        return Markup('<span lang="vi">{}</span>').format(shown(text))

    def own(self, vi: str, en: str | None) -> str | Markup:
        """A row's own text in both languages; the Vietnamese where it has no other."""
        if self.language == "vi":
            return vi
        return en or self.vietnamese(vi)

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """The catalogue's sentences with places for values, to be found by what stands around.

        Those that say most come first: of two that fit, one is the other with more words.
        """
        found = []
        for text, said in self.catalogue.items():
            if "%(" in text and "<" not in text:
                parts = re.split(r"%\((\w+)\)s", text)
                pattern = "".join(
                    f"(?P<{part}>.+?)" if place % 2 else re.escape(part)
                    for place, part in enumerate(parts)
                )
                # Only what is mostly our own words: values alone, or beside one word, fit anything.
                words = "".join(parts[::2])
                if len(words.split()) > 1 and len(words.strip(" .:,;()")) > 3:
                    found.append((-len(words), re.compile(pattern, re.DOTALL), said))
        return [(pattern, said) for _, pattern, said in sorted(found, key=lambda one: one[0])]


def shown(value: object) -> object:
    """A value as a page shows it: escaped, and without signs that nobody sees."""
    return escape(without_unseen(value)) if type(value) is str else value


def _value(name: str, text: str) -> str:
    """A sentence's value in English: what somebody has `said`, in a file, as it stands."""
    return text if name.startswith("said") else _figure(text)


def _figure(text: str) -> str:
    match = _FIGURE.fullmatch(text)
    if match is None:
        return text
    return match[1].replace(".", ",") + (" VND" if match[2] else "")


def _read(language: Language) -> Words:
    if language == "vi":
        return Words(language, {})
    with (LOCALE / language / "LC_MESSAGES" / "lephi.po").open("rb") as file:
        entries = read_po(file, locale=language, abort_invalid=True)
    texts = {str(one.id): str(one.string) for one in entries if one.id and one.string}
    return Words(language, texts)


#: Each language's words, read once.
WORDS: Final[Mapping[Language, Words]] = {language: _read(language) for language in LANGUAGES}
