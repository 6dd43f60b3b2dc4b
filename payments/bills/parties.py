"""Who stands behind a bill: the payer, the one it is paid for, and who collects for the body.

What is said of them is kept encrypted, as one flat object of texts, and comes to stand on the
receipt.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from core.errors import FieldError
from core.tax_numbers import checked_tax_number
from payments.bills.printed_words import undrawable_faults
from payments.bills.schemas import BillIn


@dataclass(frozen=True, slots=True)
class Parties:
    """What is kept of the people behind a bill, and all that is wrong with what was said."""

    data: dict[str, str] = field(repr=False)
    faults: list[FieldError]


def parties_of(body: BillIn) -> Parties:
    """What the body says of people: `data` as it is kept encrypted, empty where there are faults.

    Words that no receipt could show are faults of theirs, and those of lines are told with them.
    """
    faults = _tax_number_faults(body)
    data = {} if faults else _personal_data(body)
    return Parties(data, [*faults, *undrawable_faults(body)])


def _personal_data(body: BillIn) -> dict[str, str]:
    """What the body says about people, as it is kept encrypted: parties, tax numbers, claims.

    `tax_number` is that of a notice, `payer_tax_number` and `behalf_tax_number` are the parties'.
    """
    data: dict[str, str] = {}
    if body.payer is not None:
        data = body.payer.model_dump(exclude_none=True, exclude={"tax_number"})
    if body.on_behalf_of is not None:
        told = body.on_behalf_of.model_dump(exclude_none=True, exclude={"tax_number"})
        data |= {f"behalf_{name}": value for name, value in told.items()}
    if body.delegate is not None:
        data |= {f"delegate_{name}": value for name, value in body.delegate.model_dump().items()}
    for name, _, number in _tax_numbers(body):
        data[name] = checked_tax_number(number)
    notices = {line.notice.tax_number for line in body.lines if line.notice is not None}
    if notices:
        data["tax_number"] = notices.pop()
    if body.relief is not None:
        if body.relief.claims:
            data["claims"] = ", ".join(body.relief.claims)
        if body.relief.born_on is not None:
            data["born_on"] = body.relief.born_on.isoformat()
        if body.relief.asset is not None:
            data["asset"] = body.relief.asset
    return data


def _tax_number_faults(body: BillIn) -> list[FieldError]:
    """Each tax number of a party that is none, and why."""
    faults = []
    for _, path, number in _tax_numbers(body):
        try:
            checked_tax_number(number)
        except ValueError as error:
            faults.append(FieldError(path, "tax_number", str(error)))
    return faults


def _tax_numbers(body: BillIn) -> Iterator[tuple[str, str, str]]:
    """The parties' tax numbers: the name each is kept under, its field, and what was sent."""
    if body.payer is not None and body.payer.tax_number is not None:
        yield "payer_tax_number", "payer.tax_number", body.payer.tax_number
    if body.on_behalf_of is not None and body.on_behalf_of.tax_number is not None:
        yield "behalf_tax_number", "on_behalf_of.tax_number", body.on_behalf_of.tax_number
