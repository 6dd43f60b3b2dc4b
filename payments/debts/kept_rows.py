"""The rows of a list that are no debts yet: kept sealed, a batch at a time."""

from typing import Final

from pydantic import TypeAdapter

from payments.billing.sealed_batches import SealedBatches
from payments.debts.models import DebtBatch
from payments.debts.sheets import DebtRow

KEPT_DEBTS: Final = SealedBatches(DebtBatch, "list_id", TypeAdapter(list[DebtRow]), "debts")
