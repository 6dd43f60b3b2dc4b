"""`lephi webhook`: receivers of a body's events, and what each was told."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from app.cli.codes import AgencyCode, Limit, OnlyAgency, agency_of, only_of
from app.cli.console import Json, fail, say, show, show_table
from app.cli.wired import with_parts
from app.parts import Parts
from payments.agencies.access.principals import OPERATOR
from payments.webhooks import commands
from payments.webhooks.queries import (
    WebhookEndpointValue,
    WebhookMessageValue,
    get_endpoint,
    list_endpoints,
    list_messages,
)
from payments.webhooks.rules import EVENT_TYPES

webhook = typer.Typer(
    help="Receivers of a body's events, and what each was told.", no_args_is_help=True
)

EndpointId = Annotated[str, typer.Argument(metavar="ID", help="The receiver's id.")]


@webhook.command("create")
def create(
    agency: AgencyCode,
    url: Annotated[str, typer.Option(help="Where it is told; HTTPS, on the open internet.")],
    types: Annotated[
        str | None,
        typer.Option(metavar="T,…", help=f"Of {', '.join(EVENT_TYPES)}; left out, all."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Register a receiver and show its secret, this once."""
    wanted = [] if types is None else [one.strip() for one in types.split(",")]
    if unknown := [one for one in wanted if one not in EVENT_TYPES]:
        fail(f"There is no type {', '.join(unknown)}: there are {', '.join(EVENT_TYPES)}.")

    async def work(parts: Parts) -> tuple[WebhookEndpointValue, str]:
        await parts.webhooks.caller.check(url)
        async with parts.database.transaction() as session:
            found = await agency_of(session, agency)
            return await commands.create_endpoint(
                session, parts.cipher, agency_id=found.id, url=url, types=wanted, actor=OPERATOR
            )

    made, secret = with_parts(work)
    if as_json:
        show(_facts(made) | {"secret": secret})
        return
    typer.echo(secret)
    say(f"{made.id}: keep the secret, it is not shown again.")


@webhook.command("list")
def list_all(agency: OnlyAgency = None, limit: Limit = 200, as_json: Json = False) -> None:
    """List receivers and how they stand; never their secrets."""

    async def work(parts: Parts) -> tuple[WebhookEndpointValue, ...]:
        async with parts.database.reading() as session:
            within = await only_of(session, agency)
            return (await list_endpoints(session, within, limit=limit)).items

    found = with_parts(work)
    if as_json:
        show([_facts(one) for one in found])
        return
    rows = [
        (
            *(one.id, one.agency, one.url, "bật" if one.enabled else "tắt"),
            *(one.last_sequence, one.failures),
        )
        for one in found
    ]
    show_table(["Nơi nhận", "Cơ quan", "Địa chỉ", "Trạng thái", "Số cuối", "Lỗi liên tiếp"], rows)


@webhook.command("messages")
def messages(
    endpoint_id: EndpointId,
    unacknowledged: Annotated[
        bool, typer.Option("--unacknowledged", help="Only what it has not taken.")
    ] = False,
    after: Annotated[int, typer.Option(min=0, help="The number to go on after.")] = 0,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """List what a receiver was told, in order: state, tries, last answer."""
    states = ("waiting", "set_aside") if unacknowledged else None

    async def work(parts: Parts) -> tuple[WebhookMessageValue, ...]:
        async with parts.database.reading() as session:
            await get_endpoint(session, endpoint_id, None)
            page = await list_messages(
                session, endpoint_id, states=states, after=after, limit=limit
            )
            return page.items

    found = with_parts(work)
    if as_json:
        show([asdict(one) for one in found])
        return
    rows = [
        (
            *(one.sequence, one.id, one.type, one.object_id, one.state, one.attempts),
            one.last_status or one.last_error,
        )
        for one in found
    ]
    show_table(["Số", "Thông báo", "Loại", "Đối tượng", "Trạng thái", "Lần", "Trả lời"], rows)


@webhook.command("replay")
def replay(
    endpoint_id: EndpointId,
    first: Annotated[int, typer.Argument(metavar="FROM", min=1, help="The first number.")],
    last: Annotated[
        int | None, typer.Argument(metavar="TO", min=1, help="The last; left out, the one alone.")
    ] = None,
    acknowledged: Annotated[
        bool, typer.Option("--acknowledged", help="Those too that it has taken.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Have messages that were set aside sent again, in their order."""

    async def work(parts: Parts) -> int:
        async with parts.database.transaction() as session:
            found = await get_endpoint(session, endpoint_id, None)
            return await commands.replay(
                *(session, found, first, last or first),
                acknowledged=acknowledged,
                actor=OPERATOR,
            )

    count = with_parts(work)
    if as_json:
        show({"messages": count})
    else:
        typer.echo(f"{count} messages wait again.")


def _facts(endpoint: WebhookEndpointValue) -> dict[str, Any]:
    facts = ("id", "agency", "url", "types", "enabled", "last_sequence", "failures")
    return {name: getattr(endpoint, name) for name in (*facts, "due_at", "created_at")}
