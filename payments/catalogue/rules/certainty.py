"""How sure we are of a figure that we took from somewhere. Pure."""

from enum import StrEnum

from payments.catalogue.rules.wording import LocalizedText


class Certainty(StrEnum):
    """Read in the law's text, read about, or neither; shown wherever the figure is."""

    CONFIRMED = "confirmed"
    SECONDARY = "secondary"
    UNCONFIRMED = "unconfirmed"

    @property
    def words(self) -> LocalizedText:
        """The mark as a citizen or clerk reads it."""
        return _WORDS[self]


_WORDS = {
    Certainty.CONFIRMED: LocalizedText("đã đối chiếu văn bản", "checked against the text"),
    Certainty.SECONDARY: LocalizedText("theo nguồn thứ cấp", "from a secondary source"),
    Certainty.UNCONFIRMED: LocalizedText("chưa xác nhận", "not confirmed"),
}
