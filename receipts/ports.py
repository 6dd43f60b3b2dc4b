"""What receipts asks of the world outside: something that signs. Pure.

An adapter sees only these names: no rows, no session, no content. Where the key lives (a file, a
token, a remote service of the Government cipher committee) is the adapter's affair.
"""

from typing import Protocol

from core.errors import LephiError, Unavailable

#: The element that an XML signature covers, found by its `Id` attribute.
SIGNED_ELEMENT = "DLBLai"
SIGNED_ID = "data"
#: The empty element under the root, step by step, that takes the signature.
SIGNATURE_PLACE = ("DSCKS", "TCThu")


class SignerUnavailable(Unavailable):
    """The key cannot be reached now; nothing was signed, or what was signed is lost: try again."""

    code = "signer_unavailable"


class KeyFault(LephiError):
    """A key or certificate is missing or does not fit: an operator's matter."""

    code = "signing_key_fault"


class Signer(Protocol):
    """One collecting body's signing certificate and the key behind it.

    Both calls block (network, or arithmetic) and may run an event loop of their own: never call
    them on a thread that runs one. Signing the same input twice may give different bytes, both
    valid.

    `remote` says that signing crosses a network, so no database transaction may be open meanwhile.
    """

    remote: bool

    @property
    def certificate_pem(self) -> bytes:
        """The signing certificate, PEM, without the certificates above it."""
        ...

    def sign_xml(self, xml: bytes) -> bytes:
        """The same document with one XMLDSig signature in its signature place.

        Exclusive canonical XML, SHA-256, one Reference to the element `SIGNED_ID`; X509Data holds
        the signing certificate first, then those between it and the root.

        Raises `SignerUnavailable` or `KeyFault`.
        """
        ...

    def sign_pdf(self, pdf: bytes) -> bytes:
        """The PDF with a PAdES baseline signature over the whole document, added incrementally.

        Raises `SignerUnavailable` or `KeyFault`.
        """
        ...
