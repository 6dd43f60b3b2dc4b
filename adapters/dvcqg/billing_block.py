"""`ThongTinBienLai`, what is paid for: written with an order or a pull, read where it is told back.

Pure. No checksum covers it. Facts, beside those of `dialect`:

* [C] `MaDichVu` 1 is a fine, 2 fees; each has fields of its own. Fees are in `PhiLePhi`, what a
  decision set is in `DSKhoanNop`, its sums as text.
* [I] Land and tax obligations have treasury, decision, tax number, and chapter and sub-item with
  each line (`KhoBac`, `SoQD`, `NgayQD`, `MST`; `Chuong`, `TieuMuc`): these are the fields that a
  bank's side of the platform reads. [?] Their `MaDichVu`: the account's `tax_service`, 3 where
  nothing is said.
* [I] `NgayQD` is `dd/MM/yyyy`.
* What is empty is not told. Everything else that comes back is compared with the attempt.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from adapters.wording import Malformed, amount_of, word
from payments.billed import BilledDecision, BilledDossier, BilledService, ToldBilled, ToldFee

_SERVICES: Final = {BilledService.FEES: 2, BilledService.FINE: 1}
#: the lists of lines, and which of their fields are code and title
_LISTS: Final = (("PhiLePhi", "MaPhiLePhi", "TenPhiLePhi"), ("DSKhoanNop", "", "NoiDung"))
_DAY: Final = "%d/%m/%Y"
_SUM: Final = re.compile("[0-9]{1,14}")
_DOSSIER: Final = re.compile(r"[^\x00-\x1f\x7f|]{1,100}")
_TOLD: Final = re.compile(r"[^\x00-\x1f\x7f]{1,500}")
_DAY_TOLD: Final = re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4}")


def written(dossier: BilledDossier, tax_service: int) -> dict[str, object]:
    """What is paid for, as the platform has it."""
    head: dict[str, object] = {
        "MaDichVu": _SERVICES.get(dossier.service, tax_service),
        "MaDonVi": dossier.agency_code,
        "TenDonVi": dossier.agency_name,
        "MaHoSo": dossier.number,
        "TKThuHuong": dossier.account_number,
        "MaNHThuHuong": dossier.bank_bin,
        "TenTKThuHuong": dossier.account_name,
    }
    if dossier.decision is None:
        fees = [
            {
                "LoaiPhiLePhi": "",
                "MaPhiLePhi": fee.code,
                "TenPhiLePhi": fee.title,
                "SoTien": str(fee.amount),
            }
            for fee in dossier.fees
        ]
        return head | {"PhiLePhi": fees}
    lines = [
        {
            "NoiDung": fee.title,
            "SoTien": str(fee.amount),
            "Chuong": fee.chapter,
            "TieuMuc": fee.sub_item,
        }
        for fee in dossier.fees
    ]
    return head | _decided(dossier, dossier.decision) | {"DSKhoanNop": lines}


def read(document: Mapping[str, object], tax_service: int) -> tuple[str | None, ToldBilled | None]:
    """Number of the dossier, and what else of it a confirmation tells back, if it does.

    Raises `Malformed` naming the field.
    """
    block = document.get("ThongTinBienLai")
    if block not in (None, "") and not isinstance(block, dict):
        raise Malformed("ThongTinBienLai: no object")
    inner = block if isinstance(block, dict) else {}
    told = [one for one in (document, inner) if one.get("MaHoSo")]
    numbers = {word(one, "MaHoSo", _DOSSIER) for one in told}
    if len(numbers) > 1:
        raise Malformed("MaHoSo: told twice, and otherwise")
    number = numbers.pop() if numbers else None
    if not inner:
        return number, None
    accounts = {_text(inner, "TKThuHuong"), _text(inner, "TaiKhoanThuNSNN")} - {None}
    if len(accounts) > 1:
        raise Malformed("TaiKhoanThuNSNN: told twice, and otherwise")
    billed = ToldBilled(
        service=_service(inner, tax_service),
        agency_code=_text(inner, "MaDonVi"),
        bank_bin=_text(inner, "MaNHThuHuong"),
        account_number=accounts.pop() if accounts else None,
        decision_number=_text(inner, "SoQD"),
        decided_on=_day(inner),
        treasury=_text(inner, "KhoBac"),
        tax_number=_text(inner, "MST"),
        fees=_fees(inner),
    )
    return number, None if billed == ToldBilled() else billed


def _decided(dossier: BilledDossier, decision: BilledDecision) -> dict[str, object]:
    """What a fine has, or a tax; where the platform wants more than we know, nothing."""
    common: dict[str, object] = {
        "KhoBac": decision.treasury,
        "SoQD": decision.number,
        "NgayQD": decision.decided_on.strftime(_DAY),
        "TaiKhoanThuNSNN": dossier.account_number,
        "HoTenNguoiNop": decision.payer_name,
        "DiaChiNguoiNop": decision.payer_address,
        "NoiDungThanhToan": "; ".join(fee.title for fee in dossier.fees)[:255],
    }
    if dossier.service is BilledService.FINE:
        kind = {"MaLoaiHinhThuPhat": "", "TenLoaiHinhThuPhat": ""}
        return common | kind | {"TenNguoiViPham": decision.payer_name}
    return common | {"MaLoaiHinhThue": "", "TenLoaiHinhThue": "", "MST": decision.tax_number}


def _service(inner: Mapping[str, object], tax_service: int) -> BilledService | None:
    given = inner.get("MaDichVu")
    if given in (None, ""):
        return None
    known = {str(number): service for service, number in _SERVICES.items()}
    known.setdefault(str(tax_service), BilledService.TAX)
    if isinstance(given, bool) or not isinstance(given, int | str) or str(given) not in known:
        raise Malformed("MaDichVu: none that is known")
    return known[str(given)]


def _day(inner: Mapping[str, object]) -> date | None:
    if _text(inner, "NgayQD") is None:
        return None
    try:
        return datetime.strptime(word(inner, "NgayQD", _DAY_TOLD), _DAY).date()  # noqa: DTZ007
    except ValueError:
        raise Malformed("NgayQD: no such day") from None


def _fees(inner: Mapping[str, object]) -> tuple[ToldFee, ...] | None:
    """The lines that are told, None where none is; fees before what a decision set."""
    for name, code, title in (
        ("PhiLePhi", "MaPhiLePhi", "TenPhiLePhi"),
        ("DSKhoanNop", "", "NoiDung"),
    ):
        lines = inner.get(name)
        if isinstance(lines, list) and lines:
            return tuple(_fee(one, code, title) for one in lines)
    return None


def _fee(line: object, code: str, title: str) -> ToldFee:
    told = line if isinstance(line, dict) else {}
    given = told.get("SoTien")
    whole = int(given) if isinstance(given, str) and _SUM.fullmatch(given) else given
    return ToldFee(
        amount=amount_of({"SoTien": whole}, "SoTien"),
        code=_text(told, code) if code else None,
        title=_text(told, title),
        chapter=_text(told, "Chuong"),
        sub_item=_text(told, "TieuMuc"),
    )


def _text(fields: Mapping[str, object], name: str) -> str | None:
    """A text, None for what is empty or not there."""
    return None if fields.get(name) in (None, "") else word(fields, name, _TOLD)
