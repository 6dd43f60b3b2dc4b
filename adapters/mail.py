"""Sends a letter through the operator's mail server."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from core.errors import Unavailable

_SECONDS = 20.0


class MailUnavailable(Unavailable):
    """The mail server did not take the letter; it is sent again later."""

    code = "mail_unavailable"


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server: `smtp://…`, encrypted where it offers that, or `smtps://…`."""

    url: str = field(repr=False)
    sender: str

    def send(self, to: str, subject: str, words: str, name: str, attached: bytes) -> None:
        """Send words with one JSON file. Blocks. Raises `MailUnavailable`."""
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = self.sender, to, subject
        letter.set_content(words)
        letter.add_attachment(attached, maintype="application", subtype="json", filename=name)
        parts = urlsplit(self.url)
        host, secret = parts.hostname or "", ssl.create_default_context()
        try:
            with (
                smtplib.SMTP_SSL(host, parts.port or 465, timeout=_SECONDS, context=secret)
                if parts.scheme == "smtps"
                else smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
            ) as server:
                server.ehlo()
                if parts.scheme == "smtp" and server.has_extn("starttls"):
                    server.starttls(context=secret)
                if parts.username is not None:
                    server.login(unquote(parts.username), unquote(parts.password or ""))
                server.send_message(letter)
        except (OSError, smtplib.SMTPException) as error:
            raise MailUnavailable(f"The mail server {host} took no letter: {error}.") from error
