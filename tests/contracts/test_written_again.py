"""A good signature over words written again: where bytes are signed, only they are taken."""

import json
from dataclasses import replace
from typing import Any

import pytest

from payments.ports import CallbackRejected, RawCallback
from tests.support.rigs.every import RIGS

#: Whose signature in a header is over the body as it came.
OVER_BYTES = ("sepay", "stripe", "thuho")


def written_again(notice: RawCallback) -> list[RawCallback]:
    """The same words under the same signature, as programs on the way might write them."""
    said: dict[str, Any] = json.loads(notice.body)
    ways = (
        json.dumps(said, indent=1),
        json.dumps(dict(reversed(list(said.items())))),
        notice.body.decode() + "\n",
    )
    bodies = [way.encode() for way in ways if way.encode() != notice.body]
    assert len(bodies) == len(ways), "nothing was written otherwise"
    assert all(json.loads(body) == said for body in bodies), "other words"
    return [replace(notice, body=body) for body in bodies]


@pytest.mark.parametrize("name", OVER_BYTES)
async def test_only_the_bytes_as_they_came_are_verified(name: str) -> None:
    rig = RIGS[name]()
    async with rig.running():
        for notice in await rig.genuine():
            reader = rig.reader()
            assert reader.read_notice(notice) is not None
            for again in written_again(notice):
                with pytest.raises(CallbackRejected):
                    reader.read_notice(again)


async def test_what_is_inside_a_signed_text_is_verified_as_it_came() -> None:
    """Its mac is over a text in the body: around it anything may change, in it nothing."""
    rig = RIGS["zalopay"]()
    async with rig.running():
        for notice in await rig.genuine():
            reader = rig.reader()
            told = reader.read_notice(notice)
            around = json.loads(notice.body)
            spaced = replace(notice, body=json.dumps(around, indent=1).encode())
            assert reader.read_notice(spaced) == told
            inside = json.dumps(json.loads(around["data"]), indent=1)
            changed = replace(notice, body=json.dumps({**around, "data": inside}).encode())
            with pytest.raises(CallbackRejected):
                reader.read_notice(changed)
