"""Several portals at once, each opening one bill after the other over its own connection.

A program of its own, `python -m bench.portal`: what to do comes in as JSON, and what was seen goes
out as JSON. It shares two cores with a service and a database, so it does no more for a request
than it must: one process, one epoll, no HTTP library.
"""

import json
import os
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Final

_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


@dataclass(frozen=True, slots=True)
class Task:
    """Where to open bills, in whose name, how many at a time, and for how long."""

    port: int
    api_key: str
    agency: str
    clients: int
    seconds: float


@dataclass(slots=True)
class Seen:
    """How long it took from the first request to the last answer, and each answer in ms."""

    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)


class UnexpectedAnswer(Exception):
    """The service answered something else than 201, or broke off."""


class _Client:
    """A connection with one request under way."""

    __slots__ = ("_begun", "_received", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._begun = 0.0

    def ask(self, request: bytes) -> None:
        self._received = b""
        self._begun = time.perf_counter()
        self.socket.sendall(request)

    def listen(self) -> float | None:
        """Milliseconds since the request, once its answer is whole. Raises `UnexpectedAnswer`."""
        more = self.socket.recv(65536)
        self._received += more
        head = self._received.find(_END)
        if more and head < 0:
            return None
        start = self._received.find(_LENGTH, 0, head) + len(_LENGTH)
        if not more or not self._received.startswith(b"HTTP/1.1 201 ") or start < len(_LENGTH):
            raise UnexpectedAnswer(self._received.decode("utf-8", "replace") or "nothing")
        length = int(self._received[start : self._received.index(b"\r\n", start)])
        if len(self._received) < head + len(_END) + length:
            return None
        return (time.perf_counter() - self._begun) * 1000


def open_bills(task: Task) -> Seen:
    """Send until the time is over, then wait for every answer that is still out."""
    numbers = count(1)
    clients = {}
    poll = select.epoll()
    for _ in range(task.clients):
        client = _Client(task.port)
        clients[client.socket.fileno()] = client
        poll.register(client.socket.fileno(), select.EPOLLIN)
    seen = Seen()
    begun = time.perf_counter()
    for client in clients.values():
        client.ask(_request(task, next(numbers)))
    while clients:
        for number, _ in poll.poll():
            took = clients[number].listen()
            if took is None:
                continue
            seen.milliseconds.append(took)
            if time.perf_counter() - begun < task.seconds:
                clients[number].ask(_request(task, next(numbers)))
            else:
                clients.pop(number).socket.close()
    seen.seconds = time.perf_counter() - begun
    return seen


def _request(task: Task, number: int) -> bytes:
    """Three certified pages, with what a portal knows of the dossier and of who pays."""
    body = json.dumps(
        {
            "agency": task.agency,
            "lines": [{"fee": "2.000815", "quantity": 3}],
            "dossier_number": f"H26.18-261122-{number:06d}",
            "payer": {"name": "Nguyễn Văn An", "phone": "0900000000"},
            "channel": "online",
        },
        ensure_ascii=False,
    ).encode()
    head = (
        "POST /api/v1/bills HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{task.port}\r\n"
        f"Authorization: Bearer {task.api_key}\r\n"
        f"Idempotency-Key: portal-{os.getpid()}-{time.time_ns()}-{number}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    json.dump(asdict(open_bills(Task(**json.load(sys.stdin)))), sys.stdout)
