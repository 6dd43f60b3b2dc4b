"""Sends a letter through the operator's or a body's mail server."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from core.errors import Unavailable

_SECONDS = 20.0


class MailUnavailable(Unavailable):
    """The mail server did not take the letter; it is sent again later."""

    code = "mail_unavailable"


class MailRefused(MailUnavailable):
    """The mail server will never take the letter for that address."""

    code = "mail_refused"


class MailUnclear(MailUnavailable):
    """Nobody knows whether the mail server has the letter: the line broke while it was sent."""

    code = "mail_unclear"


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server: `smtp://…`, encrypted where it offers that, or `smtps://…`."""

    url: str = field(repr=False)
    sender: str

    def send(self, to: str, subject: str, words: str, name: str, attached: bytes) -> None:
        """Send words with one JSON file. Blocks. Raises `MailUnavailable`."""
        letter = self.letter(to, subject, words)
        letter.add_attachment(attached, maintype="application", subtype="json", filename=name)
        self.deliver(letter)

    def letter(self, to: str, subject: str, words: str) -> EmailMessage:
        """A letter of ours. Raises ValueError for an address or a subject that breaks its line."""
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = self.sender, to, subject
        letter.set_content(words)
        return letter

    def deliver(self, letter: EmailMessage) -> None:
        """Hand a letter over. Blocks.

        Raises `MailUnavailable` where the server has nothing of it, `MailRefused` where it never
        will, `MailUnclear` where nobody knows; none of them names the recipient.
        """
        host = urlsplit(self.url).hostname or ""
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise MailUnavailable(f"The mail server {host} took no letter: {error}.") from error
        try:
            server.send_message(letter)
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            kind = MailRefused if min(codes) >= 500 else MailUnavailable
            raise kind(f"The mail server {host} does not take the address.") from None
        except smtplib.SMTPServerDisconnected as error:
            raise MailUnclear(f"The mail server {host} went away: {error}.") from None
        except smtplib.SMTPResponseException as error:
            kind = MailRefused if error.smtp_code >= 500 else MailUnavailable
            told = f"The mail server {host} took no letter: {error.smtp_code}."
            raise kind(told) from None
        except (smtplib.SMTPException, UnicodeError):
            raise MailRefused(f"The mail server {host} cannot take such an address.") from None
        except OSError as error:
            raise MailUnclear(f"The mail server {host} fell silent: {error}.") from None
        finally:
            with suppress(OSError, smtplib.SMTPException):  # it has the letter, or has said why not
                server.quit()

    def _connected(self) -> smtplib.SMTP:
        secret, parts = ssl.create_default_context(), urlsplit(self.url)
        host = parts.hostname or ""
        server = (
            smtplib.SMTP_SSL(host, parts.port or 465, timeout=_SECONDS, context=secret)
            if parts.scheme == "smtps"
            else smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
        )
        try:
            server.ehlo()
            if parts.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=secret)
            if parts.username is not None:
                server.login(unquote(parts.username), unquote(parts.password or ""))
        except BaseException:
            server.close()
            raise
        return server
