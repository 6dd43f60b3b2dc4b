"""The codes under which one procedure is known. Pure.

A ministry that numbers its procedures anew gives one procedure a code for each level that handles
it, and whoever has the code of before still means the same one. Our own key stays the code that it
was first kept under, so posters, offers and bills of before go on.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcedureCodes:
    """The codes of a procedure beside its key; None and none where they are not known.

    A commune's clerk uses `commune`, and not the code of a level above.
    """

    ministry: str | None = None
    province: str | None = None
    commune: str | None = None
    other: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Each of them once, the commune's first."""
        named = (self.commune, self.province, self.ministry, *self.other)
        return tuple(dict.fromkeys(code for code in named if code is not None))


#: Of a procedure that has no code beside its key.
NO_CODES = ProcedureCodes()
