"""The fees of the seed file as values, without a database."""

from collections.abc import Mapping

from app.seed.catalogue import read_procedures
from payments.catalogue.schedule import FeeValue, Schedule
from payments.fee_words import Words
from payments.fees import rule_from


def seeded_fees(local: Mapping[str, str] | None = None) -> tuple[FeeValue, ...]:
    """The national fees, and those of the local schedules that `local` gives to an agency."""
    owners = local or {}
    return tuple(
        FeeValue(
            id=f"fee_{position}_{number}",
            code=fee.code,
            procedure_code=procedure.code,
            agency_id=None if fee.schedule is None else owners[fee.schedule],
            name=Words(fee.name_vi, fee.name_en),
            unit=Words(fee.unit_vi, fee.unit_en),
            rule=rule_from(fee.kind, fee.rule),
            sub_item=fee.sub_item,
            basis=fee.basis,
            source=fee.source,
            certainty=fee.certainty,
            checked_on=fee.checked_on,
            valid_from=fee.valid_from,
            valid_to=fee.valid_to,
        )
        for position, procedure in enumerate(read_procedures())
        for number, fee in enumerate(procedure.fee)
        if fee.schedule is None or fee.schedule in owners
    )


def seeded_schedule(local: Mapping[str, str] | None = None) -> Schedule:
    """A schedule of `seeded_fees`."""
    return Schedule(seeded_fees(local))
