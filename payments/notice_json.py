"""The verified value of a notice as strict JSON with a version, kept beside the raw bytes.

What was authentic once is never read again by its adapter: a rotated secret or a header that was
not kept must not make money unreadable. So old versions stay readable here for ever.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

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

    @model_validator(mode="after")
    def _one_of_two(self) -> "_NoticeV1":
        if (self.result is None) == (self.credit is None):
            raise ValueError("either a result or a credit")
        return self

    @property
    def notice(self) -> NoticeContent:
        """The one of the two that is there."""
        if self.result is not None:
            return self.result
        if self.credit is None:
            raise AssertionError("validated, and yet neither")
        return self.credit


def write_notice(notice: NoticeContent) -> bytes:
    """The value as JSON; `read_notice` gives it back equal. Raises `UnreadableNotice`."""
    try:
        kept = (
            _NoticeV1(version=VERSION, credit=notice)
            if isinstance(notice, Credit)
            else _NoticeV1(version=VERSION, result=notice)
        )
    except ValidationError as error:
        raise UnreadableNotice(error) from None
    return kept.model_dump_json(exclude_none=True).encode()


def read_notice(raw: bytes) -> NoticeContent:
    """What `write_notice` was given. Raises `UnreadableNotice`."""
    try:
        kept = _NoticeV1.model_validate_json(raw)
    except ValidationError as error:
        raise UnreadableNotice(error) from None
    return kept.notice
