"""What staff call the ways by which payers are told something. Pure."""

from collections.abc import Mapping
from typing import Final

from app.web.texts import noted

CHANNELS: Final[Mapping[str, str]] = {
    "sms": noted("Tin nhắn SMS"),
    "zns": noted("Tin Zalo"),
    "email": noted("Thư điện tử"),
}
