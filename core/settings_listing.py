"""Every setting of a process, for a person to read; what is secret is not shown."""

from dataclasses import dataclass

from core.settings import Settings, variable_of


@dataclass(frozen=True, slots=True)
class ListedSetting:
    """One setting as `lephi doctor` shows it; `value` hides what is secret."""

    variable: str
    value: str
    description: str


def listing(settings: Settings) -> list[ListedSetting]:
    """Every setting with its value and what it is for, in the order of the class."""
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = "" if value is None else "(set, not shown)" if not field.repr else str(value)
        rows.append(ListedSetting(variable_of(name), shown, field.description or ""))
    return rows
