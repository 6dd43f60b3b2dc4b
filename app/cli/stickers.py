"""`lephi stickers`: the stickers of a market's stalls, to be printed and stuck on."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import check_path, fail
from app.cli.wired import with_parts
from app.parts import Parts
from app.stickers.pdf import draw_stickers
from app.stickers.reading import read_stickers
from payments.billing.markets import get_market


def stickers(
    market: Annotated[str, typer.Argument(help="The market's code or id.")],
    out: Annotated[Path, typer.Option(parser=Path, metavar="FILE", help="The PDF to write.")],
    stall: Annotated[
        list[str] | None, typer.Option(help="Code of a stall; again for more. Left out: all.")
    ] = None,
    sheets: Annotated[bool, typer.Option("--sheets", help="Four on each page of A4.")] = False,
) -> None:
    """Write the stickers of a market's stalls as a PDF: an A6 each, or four on a sheet of A4.

    A sticker leads to the stall's page and to its payment. The short code that opens the page is
    not on it: that stands on the contract.
    """
    check_path(out)

    async def work(parts: Parts) -> tuple[bytes, int]:
        async with parts.database.reading() as session:
            found = await read_stickers(
                session, parts, await get_market(session, market), stall or ()
            )
        return draw_stickers(found, sheets=sheets), len(found)

    written, count = with_parts(work)
    try:
        out.write_bytes(written)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
    typer.echo(f"{out}: {count}")
