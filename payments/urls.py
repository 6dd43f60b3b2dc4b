"""Addresses we hand out, and the secret token in a bill's address. Pure.

A bill's reference travels in every bank memo, so it opens only a page without names or files; the
address with the token opens the rest. The token is derived from the bill's id and a key, so it
need not be stored and cannot be guessed.
"""

import base64
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Urls:
    """Absolute addresses under `base_url`."""

    base_url: str
    token_key: bytes = field(repr=False)

    def token(self, bill_id: str) -> str:
        """The bill's token: 100 bits in lower-case base32."""
        mac = hmac.digest(self.token_key, bill_id.encode(), "sha256")
        return base64.b32encode(mac[:15])[:20].decode().lower()

    def opens(self, bill_id: str, token: str) -> bool:
        """Whether `token` is the bill's."""
        return hmac.compare_digest(self.token(bill_id).encode(), token.encode())

    def pay(self, bill_id: str, reference: str) -> str:
        """The bill's page with everything a payer needs."""
        return f"{self.base_url}/b/{reference}?t={self.token(bill_id)}"

    def bill(self, reference: str) -> str:
        """The bill's page for whoever knows its reference: no name, no dossier, no receipt."""
        return f"{self.base_url}/b/{reference}"

    def bill_qr(self, reference: str, extension: str) -> str:
        """The image of a bill's QR; needs no key."""
        return f"{self.base_url}/b/{reference}/qr.{extension}"

    def stall(self, agency: str, reference: str) -> str:
        """The page of a stall, which its sticker leads to as well; by itself it tells nothing."""
        return f"{self.base_url}/v/{agency}/{reference}"

    def stop_reminders(self, reference: str, vendor_id: str) -> str:
        """The page on which a vendor refuses reminders; the token is that vendor's."""
        return f"{self.base_url}/n/{reference}?t={self.reminder_token(vendor_id)}"

    def reminder_token(self, vendor_id: str) -> str:
        """What proves that whoever has the address was reminded as this vendor; opens no more."""
        return self.token(f"reminders:{vendor_id}")

    def message_reports(self, channel_id: str) -> str:
        """Where a channel's provider tells what was delivered; the token is that channel's."""
        token = self.token(f"message-reports:{channel_id}")
        return f"{self.base_url}/callbacks/messages/{channel_id}/{token}"

    def receipt_search(self) -> str:
        """The page on which whoever paid a poster finds the receipt."""
        return f"{self.base_url}/bien-lai"

    def callback(self, gateway: str, account: str) -> str:
        """Where a gateway reports to."""
        return f"{self.base_url}/callbacks/{gateway}/{account}"

    def document(self, code: str) -> str:
        """The page of a payment slip or a confirmation, opened by its code."""
        return f"{self.base_url}/d/{code}"

    def receipt_check(self, code: str) -> str:
        """The page on which anyone checks a receipt."""
        return f"{self.base_url}/r/{code}"

    def receipt_file(self, code: str, extension: str, amount: int) -> str:
        """A receipt's PDF or XML, opened by its check code and, where it needs that, its amount.

        The code alone, as a paper's QR has it, opens no file with an identity number.
        """
        return f"{self.base_url}/r/{code}.{extension}?amount={amount}"
