"""A letter reaches a mail server on this machine, whole; one that is away is said."""

import asyncio
from email import message_from_bytes

import pytest

from adapters.mail import MailServer, MailUnavailable


async def talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, got: list[bytes]
) -> None:
    """Just enough of a mail server."""
    writer.write(b"220 test\r\n")
    while line := await reader.readline():
        word = line.split()[0].upper()
        if word == b"DATA":
            writer.write(b"354 go on\r\n")
            letter = b""
            while not letter.endswith(b"\r\n.\r\n"):
                letter += await reader.readline()
            got.append(letter[:-5])
        writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
        if word == b"QUIT":
            break
    writer.close()


async def test_a_letter_carries_its_file() -> None:
    got: list[bytes] = []
    server = await asyncio.start_server(lambda r, w: talk(r, w, got), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mail = MailServer(f"smtp://127.0.0.1:{port}", "lephi@phi.example.vn")
    sent = ("kiem-toan@example.vn", "Anchor 5", "Words.", "a.anchor.json", b'{"a": 1}')
    await asyncio.to_thread(mail.send, *sent)
    server.close()
    await server.wait_closed()
    letter = message_from_bytes(got[0])
    assert (letter["To"], letter["From"]) == ("kiem-toan@example.vn", "lephi@phi.example.vn")
    words, file = list(letter.walk())[1:]
    assert file.get_filename() == "a.anchor.json"
    assert file.get_payload(decode=True) == b'{"a": 1}'
    assert words.get_payload(decode=True) == b"Words.\r\n"


def test_a_server_that_is_away_is_said_without_its_password() -> None:
    mail = MailServer("smtp://user:canary@127.0.0.1:1", "a@example.vn")
    with pytest.raises(MailUnavailable) as caught:
        mail.send("b@example.vn", "s", "w", "n", b"{}")
    assert "canary" not in str(caught.value)
    assert "canary" not in repr(mail)
