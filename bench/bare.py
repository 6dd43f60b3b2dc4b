"""The bare framework: one route whose answer is ready made.

A program of its own, `python -m bench.bare '{"port": …, "length": …}'`.
"""

import json
import sys

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse


def app_of(length: int) -> FastAPI:
    """An application that answers `/page` with so many bytes."""
    app = FastAPI(openapi_url=None)
    content = b"x" * length

    @app.get("/page")
    async def page() -> Response:
        return HTMLResponse(content)

    return app


def main() -> None:
    """Serve as the JSON in the first argument says: `port`, `length`."""
    asked = json.loads(sys.argv[1])
    uvicorn.run(
        app_of(asked["length"]),
        host="127.0.0.1",
        port=asked["port"],
        http="httptools",
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
