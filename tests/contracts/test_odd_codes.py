"""A code that is a list or an object is no answer: the outcome is unknown, and is asked for."""

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.http import HttpAnswer
from core import json
from payments.ports import AttemptKey, OutcomeUnknown
from tests.contracts.test_payment_gateway import GATEWAYS
from tests.support.rigs.every import GATEWAY_RIGS

#: What gateways call their codes.
_CODES = ("code", "resultCode", "MaLoi", "vnp_ResponseCode", "return_code", "sub_return_code")


class OddGateway:
    """Answers every call with codes that are none, in a regular answer."""

    def __init__(self, odd: object) -> None:
        document: dict[str, Any] = dict.fromkeys(_CODES, odd)
        self._answer = HttpAnswer(200, document, json.canonical(document))

    async def _said(self, *_: object, **__: Mapping[str, object]) -> HttpAnswer:
        return self._answer

    post_json = post_form = post_bytes = get = _said


@pytest.mark.parametrize("odd", [[], {"a": 1}, None], ids=["list", "object", "null"])
@pytest.mark.parametrize("name", GATEWAYS)
async def test_a_code_that_is_none_is_an_unknown_outcome(name: str, odd: object) -> None:
    rig = GATEWAY_RIGS[name]()
    request = rig.request()
    async with rig.running():
        gateway: Any = rig.gateway()
        await gateway.aclose()
        gateway._http = OddGateway(odd)
        rig._gateways.clear()  # type: ignore[attr-defined]  # what it would close is closed
        if rig.calls_at_start:
            with pytest.raises(OutcomeUnknown):
                await gateway.start(request)
        if hasattr(gateway, "query"):
            with pytest.raises(OutcomeUnknown):
                await gateway.query(AttemptKey(request.order_ref, request.created_at))
