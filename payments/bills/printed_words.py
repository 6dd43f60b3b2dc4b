"""What a request puts on the receipt in its own words, and whether a receipt can show it.

The bill is refused while there is still somebody to mend the words; once money is in, nothing about
a name stops a receipt.
"""

from collections.abc import Iterator

from core.errors import FieldError
from core.lettering import complaint, undrawable
from payments.bills.schemas import BillIn


def undrawable_faults(body: BillIn) -> list[FieldError]:
    """Each text of a body that the receipt's page could not draw, with the characters it lacks."""
    return [
        FieldError(field, "undrawable", complaint(lacking))
        for field, text in _printed(body)
        if (lacking := undrawable(text))
    ]


def _printed(body: BillIn) -> Iterator[tuple[str, str]]:
    """Every text of a body that comes to stand on the receipt, under the name of its field."""
    for field, party in (
        ("payer", body.payer),
        ("on_behalf_of", body.on_behalf_of),
        ("delegate", body.delegate),
    ):
        if party is not None:
            for name in ("name", "address"):
                text: str | None = getattr(party, name)
                if text is not None:
                    yield f"{field}.{name}", text
    for position, line in enumerate(body.lines):
        if line.description is not None:
            yield f"lines.{position}.description", line.description
