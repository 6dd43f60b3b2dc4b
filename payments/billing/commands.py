"""What others may do to markets: one door to what is written down, and to contracts and readings.

Commands take a session and never commit.
"""

from payments.billing.contracts import end_contract, record_reading
from payments.billing.setting_up import (
    NewContract,
    NewMarket,
    NewStall,
    NewVendor,
    add_contracts,
    add_stalls,
    add_vendors,
    change_vendor,
    create_market,
    get_stall,
)
from payments.billing.short_codes import print_sticker

__all__ = [
    "NewContract",
    "NewMarket",
    "NewStall",
    "NewVendor",
    "add_contracts",
    "add_stalls",
    "add_vendors",
    "change_vendor",
    "create_market",
    "end_contract",
    "get_stall",
    "print_sticker",
    "record_reading",
]
