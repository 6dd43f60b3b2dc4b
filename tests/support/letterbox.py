"""Just enough of a mail server on this machine, that can refuse, or go away before it answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Literal


@dataclass
class Letterbox:
    """`letters` are those that were handed over whole; `mood` is how the next one fares."""

    url: str = ""
    mood: Literal["takes", "refuses", "busy", "goes away"] = "takes"
    letters: list[EmailMessage] = field(default_factory=list)


@contextlib.asynccontextmanager
async def letterbox() -> AsyncIterator[Letterbox]:
    """Listen on a free port; every connection is closed at the end."""
    box = Letterbox()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        with contextlib.suppress(OSError):
            while line := await reader.readline():
                word = line.split()[0].upper()
                if word == b"RCPT" and box.mood == "refuses":
                    writer.write(b"550 no such person\r\n")
                    continue
                if word == b"RCPT" and box.mood == "busy":
                    writer.write(b"451 later\r\n")
                    continue
                if word == b"DATA":
                    writer.write(b"354 go on\r\n")
                    letter = b""
                    while not letter.endswith(b"\r\n.\r\n"):
                        letter += await reader.readline()
                    box.letters.append(message_from_bytes(letter[:-5], policy=default))
                    if box.mood == "goes away":
                        break
                writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                if word == b"QUIT":
                    break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    box.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
