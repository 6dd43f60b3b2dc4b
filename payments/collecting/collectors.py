"""Who walks: a person who takes dues at a body's markets."""

from dataclasses import dataclass
from typing import Self

from payments.agencies.access.principals import Principal

_PERSON = "staff:"


@dataclass(frozen=True, slots=True)
class Collector:
    """A person who collects; `agency_ids` are the bodies whose markets they go round."""

    staff_id: str
    actor: str
    agency_id: str
    agency_ids: frozenset[str]

    @classmethod
    def of(cls, principal: Principal) -> Self:
        """The person who asks; a system collects nothing, which their right has said already."""
        staff_id = staff_id_of(principal)
        return cls(staff_id, principal.actor, principal.agency_id, principal.agency_ids)


def staff_id_of(principal: Principal) -> str:
    """The id of the person who asks. Raises ValueError for a system: a fault of ours."""
    if not principal.actor.startswith(_PERSON):
        raise ValueError(f"{principal.actor} is no person")
    return principal.actor.removeprefix(_PERSON)
