"""Whom the audit log names: people by their names, systems' keys by their labels."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.access.models import ApiKey, StaffUser


@dataclass(frozen=True, slots=True)
class NamedActor:
    """Somebody or something that acts; `name` is a person's name, or the label of a key."""

    kind: Literal["person", "key"]
    name: str


@dataclass(frozen=True, slots=True)
class _Person:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class _Key:
    id: str
    label: str


async def list_named_actors(session: ReadSession, actors: Collection[str]) -> dict[str, NamedActor]:
    """The people and keys among these actors; what acts by itself ("system:…") is left out."""
    people = _ids(actors, "staff:")
    keys = _ids(actors, "key:")
    found: dict[str, NamedActor] = {}
    if people:
        wanted = values_of(_Person, StaffUser).where(col(StaffUser.id).in_(people))
        for person in await session.all(wanted):
            found[f"staff:{person.id}"] = NamedActor("person", person.name)
    if keys:
        for key in await session.all(values_of(_Key, ApiKey).where(col(ApiKey.id).in_(keys))):
            found[f"key:{key.id}"] = NamedActor("key", key.label)
    return found


def _ids(actors: Collection[str], prefix: str) -> list[str]:
    named = {one.removeprefix(prefix) for one in actors if one.startswith(prefix)}
    return sorted(named)
