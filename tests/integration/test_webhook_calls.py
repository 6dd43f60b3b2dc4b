"""Whom a webhook may reach: the open internet, by the very address that was looked at."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from adapters import webhooks
from adapters.webhooks import WebhookClient
from core.errors import Invalid
from core.public_addresses import is_public
from payments.ports import Acknowledgement
from payments.webhook_calls import WebhookAnswer
from tests.support.receiver import receiving

CLOSED = [
    "0.0.0.0",  # noqa: S104  nobody binds it
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    # Of this translator's network the address within stands before the last bits (RFC 6052, 2.2).
    "64:ff9b:1:7f00:0:100:808:808",
    "64:ff9b:1:a9fe:a9:fe00:101:101",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:101:101::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
    "127.1",
    "0x7f000001",
]
OPEN = [
    "1.1.1.1",
    "113.160.0.1",
    "203.162.0.181",
    "2606:4700::1111",
    "64:ff9b::101:101",
]


@pytest.mark.parametrize("address", CLOSED)
def test_an_address_inside_somebodys_house_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OPEN)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@dataclass
class Names:
    """A resolver: what a name has, one answer after the other, the last for ever."""

    answers: list[Sequence[str]]
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(serve: Serve, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Serve raw connections at a port; every one of them is closed at the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await serve(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(handle(reader, writer)))

    server = await asyncio.start_server(accept, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def call(client: WebhookClient, url: str, calls: int = 1) -> list[WebhookAnswer]:
    async with client.line(url) as line:
        return [await line.post(b"{}", {"webhook-id": "msg_1"}) for _ in range(calls)]


async def fault_of(client: WebhookClient, url: str) -> str:
    with pytest.raises(Invalid) as refused:
        await client.check(url)
    (fault,) = refused.value.errors
    assert fault.field == "url"
    return fault.code


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:10.0.0.1"]])
async def test_a_name_with_any_address_inside_is_refused_and_not_called(
    addresses: list[str],
) -> None:
    client = WebhookClient(resolver=Names([addresses]))
    assert await fault_of(client, "https://hooks.example.vn/x") == "not_public"
    (answer,) = await call(client, "https://hooks.example.vn/x")
    assert answer.status is None
    assert (answer.fault or "").startswith("not called")


async def test_a_name_that_leads_nowhere_and_plain_http_are_refused() -> None:
    assert (
        await fault_of(WebhookClient(resolver=Names([[]])), "https://no.example.vn") == "unresolved"
    )
    client = WebhookClient(resolver=Names([["1.1.1.1"]]))
    assert await fault_of(client, "http://hooks.example.vn") == "not_https"
    assert await fault_of(client, "https://a:b@hooks.example.vn") == "not_a_url"
    await client.check("https://hooks.example.vn/x?y=1")


async def test_loopback_is_let_through_only_where_it_is_allowed() -> None:
    async with receiving(lambda _: Acknowledgement(204, b"")) as place:
        (answer,) = await call(WebhookClient(loopback=True), place.url)
        assert answer.ok
        (answer,) = await call(WebhookClient(), place.url)
        assert not answer.ok
        assert len(place.heard) == 1
    # Allowed, it opens nothing else of the house.
    client = WebhookClient(loopback=True, resolver=Names([["10.0.0.1"]]))
    assert await fault_of(client, "https://inside.example.vn") == "not_public"


async def test_a_redirect_is_a_failure_and_is_not_followed() -> None:
    async with receiving(lambda _: Acknowledgement(204, b"")) as inside:

        async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 307 Moved\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n"
            writer.write(head.encode())
            await writer.drain()

        async with served(answered) as port:
            (answer,) = await call(WebhookClient(loopback=True), f"http://127.0.0.1:{port}")
        assert (answer.status, answer.ok) == (307, False)
        assert inside.heard == []


@asynccontextmanager
async def two_places() -> AsyncIterator[tuple[list[str], int, str]]:
    """A port that is open on 127.0.0.1 and on 127.0.0.2: which of them were reached."""
    reached: list[str] = []

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(writer.get_extra_info("sockname")[0])
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            hosts.append(head)
            await reader.readexactly(2)
            writer.write(b"HTTP/1.1 204 Ok\r\n\r\n")
            await writer.drain()

    hosts: list[bytes] = []
    async with served(answered) as port, served(answered, "127.0.0.2", port):
        yield reached, port, "hooks.example.vn"
    assert all(b"host: hooks.example.vn" in one.lower() for one in hosts)


async def rebound(client: WebhookClient) -> list[str]:
    """Where two calls go of a name that means the first address once, and then the second."""
    async with two_places() as (reached, port, name):
        answers = await call(client, f"http://{name}:{port}/", calls=2)
        assert all(one.ok for one in answers)
    return reached


async def test_the_call_goes_to_the_address_that_was_looked_at_over_one_connection() -> None:
    names = Names([["127.0.0.1"], ["127.0.0.2"]])
    assert await rebound(WebhookClient(loopback=True, resolver=names)) == ["127.0.0.1"]
    assert len(names.asked) == 1


async def test_looking_and_resolving_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: whoever resolves anew after looking goes where nobody looked."""
    names = Names([["127.0.0.1"], ["127.0.0.2"]])
    client = WebhookClient(loopback=True, resolver=names)
    looked = WebhookClient._place

    async def look_and_forget(self: WebhookClient, text: str) -> webhooks._Place:
        place = await looked(self, text)
        again = await self._resolve(place.url.host, 0)
        return webhooks._Place(again[0], place.url)

    monkeypatch.setattr(WebhookClient, "_place", look_and_forget)
    assert await rebound(client) == ["127.0.0.2"]


async def test_a_receiver_that_answers_nothing_or_without_end_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Ok\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(OSError):
            while True:
                writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                await writer.drain()

    for serve, status in ((silent, None), (endless, 200)):
        async with served(serve) as port:
            client = WebhookClient(loopback=True, total_deadline=0.5)
            (answer,) = await call(client, f"http://127.0.0.1:{port}")
        assert answer.status == status


async def test_a_receiver_whose_certificate_is_nobodys_is_not_told() -> None:
    """TLS is checked against the receiver's own name, although its address is called."""
    names = Names([["127.0.0.1"]])

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with served(answered) as port:
        client = WebhookClient(loopback=True, resolver=names, tls=ssl.create_default_context())
        (answer,) = await call(client, f"https://hooks.example.vn:{port}/")
    assert answer.status is None
    assert (answer.fault or "").startswith("no answer")
