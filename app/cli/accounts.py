"""`lephi gateway`: where money comes from."""

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.console import Json, fail, show
from app.cli.wired import with_parts
from app.seed.agency import configure_gateway
from app.wiring import Parts
from core.errors import LephiError, NotFound
from payments.agencies.queries import find_agency, find_collection_account
from payments.ports import Capability, GatewayUnavailable, Outcome, OutcomeUnknown

gateway = typer.Typer(help="Accounts at gateways and feeds of credits.", no_args_is_help=True)

AgencyCode = Annotated[str, typer.Option("--agency", help="The agency's code.")]


@gateway.command("configure")
def configure(
    agency: AgencyCode,
    collection_account: Annotated[str, typer.Option(help="Code of the account money goes to.")],
    name: Annotated[str, typer.Option(help="The gateway or feed: paygov, sepay, …")],
    account: Annotated[str, typer.Option(help="Last part of its callback path.")],
    base_url: Annotated[str, typer.Option(help="The gateway's address.")],
    credentials: Annotated[
        Path, typer.Option(help="JSON file of the gateway's own names; - is standard input.")
    ],
    as_json: Json = False,
) -> None:
    """Add or change an account at a gateway; its credentials are kept encrypted."""
    text = typer.get_text_stream("stdin").read() if str(credentials) == "-" else None
    try:
        given = json.loads(text if text is not None else credentials.read_text("utf-8"))
    except (OSError, ValueError) as error:
        fail(f"The credentials cannot be read: {error}")
    if not isinstance(given, dict) or not all(isinstance(v, str) for v in given.values()):
        fail("The credentials must be a JSON object of strings.")

    async def work(parts: Parts) -> dict[str, str]:
        async with parts.database.transaction() as session:
            found = await find_agency(session, agency)
            collection = await find_collection_account(session, collection_account)
            if found is None or collection is None:
                raise NotFound("There is no such agency or collection account.")
            await configure_gateway(
                session,
                parts.cipher,
                agency_id=found.id,
                collection_account_id=collection.id,
                gateway=name,
                account=account,
                base_url=base_url,
                credentials=given,
            )
        path = parts.payments.urls.callback(name, account)
        return {"gateway": name, "account": account, "callback_url": path}

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(f"Configured. Tell {name} to call {made['callback_url']}")


@gateway.command("check")
def check(
    name: Annotated[str, typer.Argument(help="The gateway or feed.")],
    account: Annotated[str, typer.Argument(help="Last part of its callback path.")],
    as_json: Json = False,
) -> None:
    """Ask a gateway about an order that does not exist: does it answer, and does it know us?"""

    async def work(parts: Parts) -> dict[str, str]:
        found = await parts.payments.agencies.get_gateway(name, account)
        if parts.payments.gateways.is_feed(name):
            parts.payments.gateways.feed(found.access)
            return {"gateway": name, "account": account, "answer": "configured; a feed only calls"}
        adapter = parts.payments.gateways.gateway(found.access)
        if Capability.QUERY not in adapter.capabilities:
            return {"gateway": name, "account": account, "answer": "cannot be asked"}
        try:
            report = await adapter.query("LEPHI-CHECK-00")
        except (GatewayUnavailable, OutcomeUnknown) as error:
            raise LephiError(f"{name} does not answer: {error.detail}") from error
        known = report.outcome is Outcome.NOT_FOUND
        return {
            "gateway": name,
            "account": account,
            "answer": "answers and knows us" if known else f"answers {report.outcome}",
        }

    made = with_parts(work)
    if as_json:
        show(made)
    else:
        typer.echo(made["answer"])
