"""The verified value of a notice as strict JSON with a version, kept beside the raw bytes.

What was authentic once is never read again by its adapter: a rotated secret or a header that was
not kept must not make money unreadable. So old versions stay readable here for ever.
"""

from dataclasses import fields
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from payments.gateway_disputes import GatewayDispute
from payments.ports import Credit, GatewayResult, NoticeContent

VERSION: Final = 1


class UnreadableNotice(ValueError):
    """A value that no version we know can hold; the words quote nothing of it."""

    def __init__(self, error: ValidationError) -> None:
        faults = (f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors())
        super().__init__("; ".join(sorted(set(faults))))


class _NoticeV1(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, revalidate_instances="always"
    )

    version: Literal[1]
    result: GatewayResult | None = None
    credit: Credit | None = None
    dispute: GatewayDispute | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "_NoticeV1":
        if len(self._there()) != 1:
            raise ValueError("either a result or a credit or a dispute")
        return self

    @property
    def notice(self) -> NoticeContent:
        """The one of them that is there."""
        (there,) = self._there()
        return there

    def _there(self) -> list[NoticeContent]:
        return [one for one in (self.result, self.credit, self.dispute) if one is not None]


def write_notice(notice: NoticeContent) -> bytes:
    """The value as JSON; `read_notice` gives it back equal. Raises `UnreadableNotice`."""
    try:
        match notice:
            case Credit():
                kind, kept = "credit", _NoticeV1(version=VERSION, credit=notice)
            case GatewayDispute():
                kind, kept = "dispute", _NoticeV1(version=VERSION, dispute=notice)
            case _:
                kind, kept = "result", _NoticeV1(version=VERSION, result=notice)
    except ValidationError as error:
        raise UnreadableNotice(error) from None
    return kept.model_dump_json(exclude_none=True, exclude={kind: _unsaid(notice)}).encode()


def _unsaid(notice: NoticeContent) -> set[str]:
    """The fields that came later and say nothing here: the first version's text stays as it was."""
    names = ("straight", "signed", "pulled", "virtual_account")
    later = [one for one in fields(notice) if one.name in names]
    return {one.name for one in later if getattr(notice, one.name) == one.default}


def read_notice(raw: bytes) -> NoticeContent:
    """What `write_notice` was given. Raises `UnreadableNotice`."""
    try:
        kept = _NoticeV1.model_validate_json(raw)
    except ValidationError as error:
        raise UnreadableNotice(error) from None
    return kept.notice
