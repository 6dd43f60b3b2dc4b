"""Who may have a relief, in words. Pure."""

from payments.catalogue.rules.reliefs import ReliefValue
from payments.catalogue.rules.wording import LocalizedText

_CHANNELS = {
    "online": LocalizedText("nộp trực tuyến", "applied for online"),
    "counter": LocalizedText("nộp tại quầy", "applied for at the counter"),
}

#: What is said of a relief that asks nothing.
EVERYBODY = LocalizedText("mọi trường hợp", "everybody")


def conditions(relief: ReliefValue) -> LocalizedText:
    """All that must hold, in words: "trẻ em, dưới 16 tuổi, nộp trực tuyến"."""
    told = []
    if relief.ground is not None:
        told.append(relief.ground.words)
    if relief.age_from is not None:
        told.append(LocalizedText(f"từ {relief.age_from} tuổi", f"aged {relief.age_from} or more"))
    if relief.age_below is not None:
        told.append(
            LocalizedText(f"dưới {relief.age_below} tuổi", f"aged under {relief.age_below}")
        )
    if relief.channel is not None:
        told.append(_CHANNELS.get(relief.channel, LocalizedText(relief.channel, relief.channel)))
    if relief.once_a_year:
        told.append(LocalizedText("mỗi công dân một lần trong năm", "once a year for each citizen"))
    if not told:
        return EVERYBODY
    return LocalizedText(
        ", ".join(words.vi for words in told), ", ".join(words.en for words in told)
    )
