"""E-mail through a body's own mail server: a letter under our id; nobody can be asked about it."""

import asyncio
from typing import Final

from adapters.mail import MailRefused, MailServer, MailUnavailable, MailUnclear
from payments.message_calls import ChannelAccess, OutgoingText, SendAnswer, SendFate

#: The whole address of the server, its password with it.
FIELDS: Final = ()
REPEATABLE: Final = False

_ID_HOST: Final = "message.lephi"


async def send(channel: ChannelAccess, message: OutgoingText) -> SendAnswer:
    """Send a letter; never raises for what the server does."""
    server = MailServer(channel.url, channel.sender)
    try:
        letter = server.letter(message.recipient, message.subject, message.text)
        letter["Message-ID"] = f"<{message.id}@{_ID_HOST}>"
        await asyncio.to_thread(server.deliver, letter)
    except ValueError:
        return SendAnswer(SendFate.REFUSED, None, "the address cannot be written in a letter")
    except MailRefused as error:
        return SendAnswer(SendFate.REFUSED, None, error.detail)
    except MailUnclear as error:
        return SendAnswer(SendFate.UNCLEAR, None, error.detail)
    except MailUnavailable as error:
        return SendAnswer(SendFate.LATER, None, error.detail)
    return SendAnswer(SendFate.TAKEN)
