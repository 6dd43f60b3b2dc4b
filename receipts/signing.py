"""Turns the content of a numbered receipt into the signed document of record.

Signing may cross a network (a token, a remote service), so nothing here touches the database: the
number is committed before, the document is stored after, and a crash in between only means that
the same content is signed again.
"""

from dataclasses import dataclass

from cryptography import x509

from core import clock
from core.errors import LephiError
from receipts import xml
from receipts.content import ReceiptContent, SignatureNote
from receipts.ports import Signer
from receipts.verification import signer_name, time_reasons, verify


class SignatureRefused(LephiError):
    """What the signer gave back is not our receipt, validly signed: store nothing and alert."""

    code = "signature_refused"


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """The document of record, and what its page says about the signature."""

    xml: bytes
    note: SignatureNote


def sign(content: ReceiptContent, signer: Signer) -> SignedReceipt:
    """Write a receipt and have it signed, now; nothing that fails its check is given back.

    The certificate must be valid at this moment. What a remote signer returns is verified in full
    against its own certificate: a service that signs with another key, or signs something else, is
    found here and not by a citizen. A key in our own memory is spared that, as it costs six times
    the signature. Blocks; raises `SignerUnavailable`, `KeyFault` or `SignatureRefused`.
    """
    signing_at = clock.now().replace(microsecond=0)
    certificate = x509.load_pem_x509_certificate(signer.certificate_pem)
    if reasons := time_reasons(certificate, signing_at):
        raise SignatureRefused(f"The signing certificate cannot be used: {', '.join(reasons)}.")
    signed = signer.sign_xml(xml.render(content, signing_at))
    if signer.remote:
        result = verify(signed, signer.certificate_pem)
        if not result.valid or result.content != content or result.signed_at != signing_at:
            found = ", ".join(result.reasons) or "another content"
            raise SignatureRefused(f"The signed receipt did not pass its check: {found}.")
    return SignedReceipt(signed, SignatureNote(signer_name(certificate), signing_at))
