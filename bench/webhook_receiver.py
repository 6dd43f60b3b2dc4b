"""A receiver of webhooks, `python -m bench.webhook_receiver`: answers, and watches the order.

Prints its port, and when its input ends, how many it heard and whether each had the next number.
"""

import asyncio
import json
import re
import sys
from typing import Final

_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_SEQUENCE: Final = re.compile(rb'"sequence":(\d+)')
_ANSWER: Final = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Tally:
    def __init__(self) -> None:
        self.heard = 0
        self.in_order = True
        self.last = 0


async def main() -> None:
    """Serve until the input ends."""
    tally = _Tally()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                number = _SEQUENCE.search(body)
                if number is not None:
                    tally.in_order &= int(number[1]) == tally.last + 1
                    tally.last = int(number[1])
                    tally.heard += 1
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)
        print(json.dumps({"heard": tally.heard, "in_order": tally.in_order}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
