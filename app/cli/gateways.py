"""`lephi gateway`: accounts at gateways and feeds, which money comes through."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.agencies import ACTOR, EVERY
from app.cli.console import Json, show, show_table
from app.cli.credentials import read_credentials
from app.cli.setting_up import OptionalBy, OptionalReason, asker, set_up, show_waiting
from app.cli.wired import with_parts
from app.gateway_sheets import drawn
from app.parts import Parts
from core.bodies import validated
from core.errors import LephiError
from core.sessions import ReadSession, WriteSession
from payments.administration.deeds import Deed
from payments.administration.gateways import configured_gateway, only_disables
from payments.agencies.breakers import RestingGateway
from payments.agencies.listing import list_gateways
from payments.agencies.queries import get_agency_id
from payments.agencies.schemas import GatewayOut, OperatorGatewayIn
from payments.attempts.connection import try_connection
from payments.capabilities import PayoutTeller
from payments.ports import GatewayUnavailable, Outcome, OutcomeUnknown

gateway = typer.Typer(help="Accounts at gateways and feeds of credits.", no_args_is_help=True)


@gateway.command("configure")
def configure(
    agency: Annotated[str, typer.Option("--agency", help="The body's code.")],
    name: Annotated[str, typer.Option(help="The gateway or feed, as the registry calls it.")],
    account: Annotated[str, typer.Option(help="Last part of its callback path.")],
    collection_account: Annotated[
        str | None, typer.Option(help="Code of the account money goes to.")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="The gateway's address.")] = None,
    credentials: Annotated[
        Path | None, typer.Option(help="JSON file of the gateway's own names; - is standard input.")
    ] = None,
    keep_hours: Annotated[
        int | None,
        typer.Option(
            min=0, max=168, help="So long notices under the credentials before are taken too."
        ),
    ] = None,
    enabled: Annotated[
        bool | None,
        typer.Option("--enabled/--disabled", help="Whether payers are offered it."),
    ] = None,
    rank: Annotated[
        int | None, typer.Option(min=0, max=1000, help="Its place where payers choose: 0 is first.")
    ] = None,
    by: OptionalBy = None,
    reason: OptionalReason = None,
    as_json: Json = False,
) -> None:
    """Add an account at a gateway, or change what is given of it; credentials are kept encrypted.

    A new one needs all but --enabled. --disabled alone is done at once.
    """
    given = None if credentials is None else read_credentials(credentials)

    async def deed(session: WriteSession) -> Deed:
        asked = validated(
            OperatorGatewayIn,
            {
                "agency": agency,
                "gateway": name,
                "account": account,
                "collection_account": collection_account,
                "base_url": base_url,
                "credentials": given,
                "keep_hours": keep_hours,
                "enabled": enabled,
                "rank": rank,
            },
        )
        wanted = asked.model_dump(exclude={"credentials"})
        return await configured_gateway(session, wanted, asked.credentials)

    async def owner(session: WriteSession) -> str | None:
        return await get_agency_id(session, agency)

    async def configured(parts: Parts, session: ReadSession, made: str) -> dict[str, Any]:
        page = await list_gateways(session, None, only=made)
        shown = GatewayOut.of(page.items[0]).model_dump()
        return shown | {"callback_url": parts.payments.urls.callback(name, account)}

    who = asker(by, reason)
    made = set_up(who, owner, deed, configured, actor=ACTOR, at_once=only_disables)
    if not isinstance(made, dict):
        show_waiting(made, as_json=as_json)
    elif as_json:
        show(made)
    else:
        typer.echo(f"Configured. Tell {name} to call {made['callback_url']}")


@gateway.command("list")
def show_gateways(as_json: Json = False) -> None:
    """Show every account at a gateway or feed; never its credentials."""

    async def work(parts: Parts) -> list[dict[str, Any]]:
        async with parts.database.reading() as session:
            page = await list_gateways(session, None, limit=EVERY)
        links = parts.payments.urls
        return [
            GatewayOut.of(entry).model_dump()
            | {"callback_url": links.callback(entry.gateway, entry.account)}
            for entry in page.items
        ]

    found = with_parts(work)
    if as_json:
        show(found)
        return
    rows = [
        (
            one["gateway"],
            one["account"],
            one["agency"],
            one["collection_account"],
            one["base_url"],
            "offered" if one["enabled"] else "not offered",
        )
        for one in found
    ]
    show_table(("Gateway", "Account", "Body", "Money goes to", "Address", ""), rows)


@gateway.command("facts")
def facts() -> None:
    """Draw what each adapter says of itself and of its provider: docs/gateway-facts.md."""
    typer.echo(drawn())


@gateway.command("check")
def check(
    name: Annotated[str, typer.Argument(help="The gateway or feed.")],
    account: Annotated[str, typer.Argument(help="Last part of its callback path.")],
    as_json: Json = False,
) -> None:
    """Ask a gateway about an order that does not exist: does it answer, and does it know us?"""

    async def work(parts: Parts) -> dict[str, str]:
        found = await parts.payments.agencies.get_gateway(name, account)
        resting = (await parts.payments.breakers.list_resting()).get(found.id)
        told = {"gateway": name, "account": account, "payers": _told_of(resting)}
        try:
            outcome = await try_connection(parts.payments.gateways, found.access)
        except (GatewayUnavailable, OutcomeUnknown) as error:
            raise LephiError(f"{name} does not answer: {error.detail}") from error
        if outcome is None:
            return told | {"answer": "configured; it cannot be asked"}
        known = outcome is Outcome.NOT_FOUND
        return told | {"answer": "answers and knows us" if known else f"answers {outcome}"}

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(f"{made['answer']}; {made['payers']}")


@gateway.command("payout")
def payout(
    name: Annotated[str, typer.Argument(help="The gateway.")],
    account: Annotated[str, typer.Argument(help="Last part of its callback path.")],
    number: Annotated[str, typer.Argument(help="The payout's number there (po_…).")],
    out: Annotated[Path, typer.Option(help="Where its settlement file is written.")],
) -> None:
    """Fetch what a payout is made of, as a settlement file of the layout `lephi-settlement`."""

    async def work(parts: Parts) -> bytes:
        found = await parts.payments.agencies.get_gateway(name, account)
        adapter = parts.payments.gateways.reader(found.access)
        if not isinstance(adapter, PayoutTeller):
            raise LephiError(f"{name} does not tell what its payouts are made of")
        return await adapter.payout_file(number)

    out.write_bytes(with_parts(work))
    typer.echo(f"{out}: take it in with `lephi settlement import` and the mapping lephi-settlement")


def _told_of(resting: RestingGateway | None) -> str:
    """What payers meet there."""
    if resting is None:
        return "payers are sent there"
    since, again = (
        at.isoformat(timespec="seconds") for at in (resting.opened_at, resting.probe_at)
    )
    return (
        f"payers are not sent there since {since} ({resting.silences} attempts without an answer,"
        f" last {resting.code}); one is at {again}"
    )
