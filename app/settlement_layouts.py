"""The layouts of gateways' settlement files that this house knows: read once, as they are data."""

from functools import cache
from importlib.resources import files

from reconciliation.formats.settlement_layouts import SettlementLayout, read_layouts


@cache
def settlement_layouts() -> tuple[SettlementLayout, ...]:
    """Every layout there is or was, as the adapters' `layouts.toml` has them."""
    return read_layouts(files("adapters.settlements").joinpath("layouts.toml").read_text("utf-8"))
