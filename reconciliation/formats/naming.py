"""Which field of a bank's own format names what a credit is for. Pure."""

from core.references import PREFIX, find_references, normalise


def payer_reference(said: str | None, words: str) -> tuple[str | None, str]:
    """The payer's reference and the words of a line, as matching reads them.

    Banks fill the payer's field with numbers of their own (`EndToEndId`, field 61). Where the words
    name a bill and that field does not, it goes to the words, lest these are not searched for it.
    A field that begins as our references do has spoken, right or wrong.
    """
    if not said or normalise(said).startswith(PREFIX) or find_references(said):
        return said, words
    return (None, f"{words} {said}") if find_references(words) else (said, words)
