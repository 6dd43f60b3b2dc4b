"""`lephi reference`: make references, and find them in a bank's narrative."""

from typing import Annotated

import typer

from app.cli.console import Json, show
from core.references import find_references, new_reference

app = typer.Typer(help="References that payers' banks carry back.", no_args_is_help=True)


@app.command("new")
def new(
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")] = 1,
    as_json: Json = False,
) -> None:
    """Print new references; they belong to nothing yet."""
    made = [new_reference() for _ in range(count)]
    if as_json:
        show(made)
    else:
        typer.echo("\n".join(made))


@app.command("find")
def find(
    text: Annotated[str, typer.Argument(help="A narrative, as the bank gives it.")],
    as_json: Json = False,
) -> None:
    """Print the references in a text, whatever the bank did to it; exit 1 if there is none."""
    found = find_references(text)
    if as_json:
        show(found)
    elif found:
        typer.echo("\n".join(found))
    if not found:
        if not as_json:
            typer.echo("No reference in this text.", err=True)
        raise typer.Exit(1)
