"""Which stall money in suspense may be for, over HTTP: suggestions to people, nothing is done."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from core.db import ReadSessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.billing.suggesting.suggestions import StallSuggestion, suggest_stalls
from payments.books.api import ObjectId
from payments.context import ContextDep

router = APIRouter(prefix="/api/v1", tags=["money in suspense and approvals"])


class StallSuggestionOut(BaseModel):
    """A stall that money may be for, and what speaks for it; amounts in đồng.

    `clues`: its reference or a bill's is in the words but for a slip (`reference`), its code is
    (`code`), its holder's whole name is (`name`), the sum is what is owed (`amount`). `score` only
    orders. `owed` is what its holder owes there, `bills` are the references of what the money
    would pay of that, in order: what `assign` takes, which is twenty at most.
    """

    stall: str
    stall_id: str
    market: str
    vendor_id: str
    clues: list[Literal["reference", "code", "name", "amount"]]
    score: int
    owed: int
    bills: list[str]

    @classmethod
    def of(cls, value: StallSuggestion) -> "StallSuggestionOut":
        """The suggestion as the API shows it."""
        return cls(**{name: getattr(value, name) for name in cls.model_fields})


class StallSuggestionList(BaseModel):
    """Stalls, the likeliest first; empty where nothing speaks for any."""

    items: list[StallSuggestionOut]


@router.get("/suspense/{item_id}/suggestions")
async def read_stall_suggestions(
    principal: Annotated[Principal, needs(Action.READ_SUSPENSE)],
    item_id: ObjectId,
    session: ReadSessionDep,
    context: ContextDep,
) -> StallSuggestionList:
    """The stalls that money without a known reference may be for. Nothing is ever done by itself.

    For money that waits for `no_reference` or `unknown_reference`; empty for any other reason.
    """
    found = await suggest_stalls(
        session, context.cipher, context.request_key, item_id, principal.agency_ids
    )
    return StallSuggestionList(items=[StallSuggestionOut.of(one) for one in found])
