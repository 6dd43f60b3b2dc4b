"""The banks whose accounts can be paid to by VietQR, by their BIN. Dated: banks come and go.

A code with a BIN that no bank has can be scanned by no app, so a slip is found when the account is
written down and not at the counter. A bank that is newer than the list can be named all the same
(`unlisted_bank`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

#: When the list was last gone through.
CHECKED_ON: Final = date(2026, 11, 28)

BANKS: Final[Mapping[str, str]] = {
    "970400": "SAIGONBANK",
    "970403": "Sacombank",
    "970405": "Agribank",
    "970406": "DongA Bank (Vikki)",
    "970407": "Techcombank",
    "970408": "GPBank",
    "970409": "BAC A BANK",
    "970410": "Standard Chartered VN",
    "970412": "PVcomBank",
    "970414": "OceanBank (MBV)",
    "970415": "VietinBank",
    "970416": "ACB",
    "970418": "BIDV",
    "970419": "NCB",
    "970421": "VRB",
    "970422": "MB",
    "970423": "TPBank",
    "970424": "Shinhan Bank VN",
    "970425": "ABBANK",
    "970426": "MSB",
    "970427": "VietABank",
    "970428": "Nam A Bank",
    "970429": "SCB",
    "970430": "PGBank",
    "970431": "Eximbank",
    "970432": "VPBank",
    "970433": "VietBank",
    "970434": "Indovina Bank",
    "970436": "Vietcombank",
    "970437": "HDBank",
    "970438": "BaoViet Bank",
    "970439": "Public Bank VN",
    "970440": "SeABank",
    "970441": "VIB",
    "970442": "Hong Leong Bank VN",
    "970443": "SHB",
    "970444": "CBBank (VCBNeo)",
    "970446": "Co-opBank",
    "970448": "OCB",
    "970449": "LPBank",
    "970452": "KienlongBank",
    "970454": "BVBank",
    "970455": "IBK Hà Nội",
    "970456": "IBK TP. Hồ Chí Minh",
    "970457": "Woori Bank VN",
    "970458": "UOB VN",
    "970462": "Kookmin Hà Nội",
    "970463": "Kookmin TP. Hồ Chí Minh",
    "422589": "CIMB VN",
    "458761": "HSBC VN",
    "546034": "CAKE by VPBank",
    "546035": "Ubank by VPBank",
    "668888": "KBank TP. Hồ Chí Minh",
    "796500": "DBS TP. Hồ Chí Minh",
    "801011": "Nonghyup Hà Nội",
    "963388": "Timo by BVBank",
}

#: What the sandbox plays: no account can be written down there unless it is said to be unlisted.
_NOT_REAL: Final[Mapping[str, str]] = {"999999": "Ngân hàng thử (không có thật)"}


def bank_name(bank_bin: str) -> str:
    """The bank's name as payers know it; "" for one that is newer than the list."""
    return BANKS.get(bank_bin) or _NOT_REAL.get(bank_bin, "")
