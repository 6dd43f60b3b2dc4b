"""How sure we are of a figure that we took from somewhere. Pure."""

from enum import StrEnum

from payments.fee_words import Words


class Certainty(StrEnum):
    """Read in the law's text, read about, or neither; shown wherever the figure is."""

    CONFIRMED = "confirmed"
    SECONDARY = "secondary"
    UNCONFIRMED = "unconfirmed"

    @property
    def words(self) -> Words:
        """The mark as a citizen or clerk reads it."""
        return _WORDS[self]


_WORDS = {
    Certainty.CONFIRMED: Words("đã đối chiếu văn bản", "checked against the text"),
    Certainty.SECONDARY: Words("theo nguồn thứ cấp", "from a secondary source"),
    Certainty.UNCONFIRMED: Words("chưa xác nhận", "not confirmed"),
}
