"""The VietQR of a transfer to one of our accounts; implements `payments.ports.TransferQr`. Pure.

The reference goes into the purpose, which banks carry to the statement, and into the bill number,
which some banks keep when they cut the purpose.
"""

from adapters.bank_qr.emv import Initiation, VietQr, encode


class VietQrTransfer:
    """Writes payloads that any banking app in Vietnam reads."""

    def payload(
        self,
        *,
        bank_bin: str,
        account_number: str,
        amount: int | None,
        reference: str,
        static: bool,
    ) -> str:
        """See `payments.ports.TransferQr.payload`. Raises `Invalid` for what does not fit."""
        return encode(
            VietQr(
                initiation=Initiation.STATIC if static else Initiation.DYNAMIC,
                bin=bank_bin,
                account=account_number,
                amount=amount,
                purpose=reference,
                bill_number=reference,
            )
        )
