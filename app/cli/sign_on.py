"""`lephi sign-on`: a body's own sign-on, by which its people sign in at the pages of staff."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.agencies import ACTOR
from app.cli.console import Json, check_path, fail, show
from app.cli.setting_up import OptionalBy, OptionalReason, asker, set_up, show_waiting
from app.parts import Parts
from core.sessions import ReadSession, WriteSession
from payments.administration.deeds import Deed
from payments.administration.sign_on import configured_sign_on
from payments.agencies.access.sign_on import find_sign_on
from payments.agencies.queries import get_agency_id
from payments.books.approvals import ApprovalValue

sign_on = typer.Typer(help="Bodies' own sign-on (OpenID Connect).", no_args_is_help=True)


@sign_on.command("configure")
def configure(
    agency: Annotated[str, typer.Option(help="The body's code.")],
    issuer: Annotated[str, typer.Option(help="The provider's issuer, an https:// address.")],
    client_id: Annotated[str, typer.Option(help="What the provider calls us.")],
    secret: Annotated[Path, typer.Option(help="File with the client secret; - is standard input.")],
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Let the people of a body and of its units sign in by an OpenID Connect provider.

    It stands for the password; the second factor is still asked for. The secret is kept encrypted.
    """
    given = _read(secret)

    async def owner(session: WriteSession) -> str | None:
        return await get_agency_id(session, agency)

    async def deed(session: WriteSession) -> Deed:
        agency_id = await get_agency_id(session, agency)
        return configured_sign_on(
            agency_id, issuer=issuer, client_id=client_id, client_secret=given
        )

    async def configured(parts: Parts, session: ReadSession, made: str) -> dict[str, str]:
        found = await find_sign_on(session, parts.cipher, made)
        back = f"{parts.payments.urls.base_url}/staff/sign-on/back"
        return {"agency": agency, "issuer": found.issuer if found else "", "redirect_uri": back}

    made = set_up(asker(by, reason), owner, deed, configured, actor=ACTOR)
    if isinstance(made, ApprovalValue):
        show_waiting(made, as_json=as_json)
    elif as_json:
        show(made)
    else:
        typer.echo(f"Configured. Tell the provider to lead back to {made['redirect_uri']}")


def _read(file: Path) -> str:
    check_path(file)
    try:
        stdin = str(file) == "-"
        text = typer.get_text_stream("stdin").read() if stdin else file.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        fail(f"The secret cannot be read: {type(error).__name__}")
    return text.strip()
