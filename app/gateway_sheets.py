"""What each adapter says of itself and of its provider, drawn into docs/gateway-facts.md.

Nothing is written twice: figures and capabilities are those of `info`, the facts with how sure they
are those of the adapter's own module and its dialect, and settlement files those that there are
layouts of.
"""

import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from importlib import import_module

from adapters.registry import ADAPTERS, AdapterClass
from app.settlement_layouts import settlement_layouts
from payments.gateway_info import Capability, GatewayInfo, GatewayKind

_CERTAINTY = (
    "How sure a fact is, as the adapter marks it: [C] in the provider's pages, or in the public"
    " source of a system that talks to it; [R] seen with the provider's own library; [S] read in"
    " a client of it; [I] inferred; [M] commonly held, and in no page that was read; [assumption]"
    " ours, until the provider says otherwise; [?] not known."
)

_CREATE = {
    GatewayKind.GATEWAY: "an attempt is started there",
    GatewayKind.FEED: "none: it tells of credits that came",
    GatewayKind.BILLER: "none: it asks what a code owes, takes it, and tells",
}


def drawn() -> str:
    """Every adapter's sheet as Markdown, in the order of their names."""
    parts = [textwrap.fill(_CERTAINTY, 115), ""]
    for name in sorted(ADAPTERS):
        parts += _sheet(ADAPTERS[name])
    return "\n".join(parts).rstrip("\n")


def _sheet(adapter: AdapterClass) -> Iterator[str]:
    info = adapter.info
    yield f"## {info.title_en} (`{info.name}`)\n"
    yield "| | |"
    yield "|---|---|"
    for what, said in _rows(adapter, info):
        yield f"| {what} | {said} |"
    yield ""
    for words in _words(adapter):
        yield f"{words}\n"


def _rows(adapter: AdapterClass, info: GatewayInfo) -> Iterator[tuple[str, str]]:
    pays = info.kind is GatewayKind.GATEWAY
    yield "create", _CREATE[info.kind]
    heads = ", ".join(f"`{one}`" for one in info.verifying_headers) or "none"
    seconds = int(info.answer_within.total_seconds())
    yield "callback", f"waits {seconds} s for its answer; headers that verify: {heads}"
    yield "query", _ability(info, Capability.QUERY)
    yield "refund", _ability(info, Capability.REFUND)
    yield "cancel", _ability(info, Capability.CANCEL)
    yield "asks us what is owed", _ability(info, Capability.PULL)
    yield "receipt of its own", _ability(info, Capability.RECEIPT)
    yield "tells what a payout is made of", _ability(info, Capability.PAYOUT)
    yield "settlement file", settlement_file_of(info)
    limits = (info.least_amount, info.greatest_amount)
    yield "least and greatest amount, đồng", ", ".join(map(_amount, limits))
    if pays:
        minutes = int(info.open_for.total_seconds() // 60)
        yield "payment page takes money for", f"{minutes} minutes"
        untouched = sorted(getattr(adapter, "untouched", ()))
        said = ", ".join(f"HTTP {one}" for one in untouched) or "none"
        yield "retried: it says that it did nothing by", said
        numbers = "whole numbers" if info.numbered_orders else "our references"
        yield "orders are", numbers
    secrets = [f"`{one.name}`" for one in info.fields if one.secret]
    yield "secrets", ", ".join(secrets)


def settlement_file_of(info: GatewayInfo) -> str:
    """What tells a day's money of it: its layouts, how sure they are, or a bank's statement."""
    if info.straight or info.kind is GatewayKind.FEED:
        return "the statement of the account that it credits"
    layouts = [one for one in settlement_layouts() if one.code.startswith(info.name)]
    said = (f"`{one.code}`{'' if one.confirmed else ' (unconfirmed)'}" for one in layouts)
    return ", ".join(said) or "no layout of its own"


def _ability(info: GatewayInfo, capability: Capability) -> str:
    if capability not in info.capabilities:
        return "no"
    return "where the contract has it" if capability in info.by_contract else "yes"


def _amount(amount: int | None) -> str:
    return "not said" if amount is None else f"{amount:,}"


def _words(adapter: AdapterClass) -> Iterator[str]:
    """What the adapter's module and the others of its own folder say below their first lines."""
    module = inspect.getmodule(adapter)
    if module is None:
        return
    names = [module.__name__]
    folder = module.__name__.rpartition(".")[0]
    if folder.rpartition(".")[2] == adapter.info.name:
        beside = pkgutil.iter_modules(import_module(folder).__path__, f"{folder}.")
        names += sorted(one.name for one in beside if one.name != module.__name__)
    for name in names:
        said = inspect.cleandoc(import_module(name).__doc__ or "")
        yield said.partition("\n\n")[2] or said
