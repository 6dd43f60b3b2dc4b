"""What of agencies goes to helper processes too, and so loads nothing of the database. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as time_of_day

from core.references import digits_of, find_references, normalise, reference_of


@dataclass(frozen=True, slots=True)
class CollectionAccountValue:
    """A bank or treasury account; `cut_off` is Vietnam time of a working day.

    `opened_on` is the first day it existed on, None where nobody has said.
    """

    id: str
    agency_id: str
    code: str
    bank_bin: str
    account_number: str
    account_name: str
    cut_off: time_of_day
    opened_on: date | None
    #: words in the narrative of what gateways pay over to it
    settlement_words: list[str]
    #: since when two people stand by its number; payers are warned where it is None
    confirmed_at: datetime | None = None
    #: `bank` or `treasury`: whose account it is to be read as
    kind: str = "treasury"
    #: what the bank's virtual accounts of it begin with (decision 29); None: it has none
    virtual_prefix: str | None = None
    #: whether sixteen digits follow that prefix, where a reference would
    virtual_digits: bool = False

    def number_for(self, reference: str) -> str:
        """Where a payer of this reference sends money: its virtual account, if there are any."""
        if self.virtual_prefix is None:
            return self.account_number
        return f"{self.virtual_prefix}{digits_of(reference) if self.virtual_digits else reference}"

    def references_in(self, number: str) -> list[str]:
        """The references that a number names which money was sent to, however a feed writes it."""
        if self.virtual_digits and self.gives_out(number):
            named = reference_of(normalise(number).removeprefix(self.virtual_prefix or ""))
            if named is not None:
                return [named]
        # A number of before, with letters under the same prefix, names what it ever named.
        return find_references(number)

    def gives_out(self, number: str) -> bool:
        """Whether its bank gives out a number under it, whether or not a reference follows.

        However a feed writes it: blanks, marks and case say nothing.
        """
        told = normalise(number)
        if self.virtual_prefix is None or told == normalise(self.account_number):
            return False
        return told.startswith(self.virtual_prefix)
