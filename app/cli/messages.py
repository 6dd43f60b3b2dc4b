"""`lephi messages`: what payers were told, and the channels that it goes through."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import typer

from app.cli.codes import AgencyCode, Limit, OnlyAgency, agency_of, only_of
from app.cli.console import Json, fail, say, show, show_table
from app.cli.credentials import read_credentials
from app.cli.wired import with_parts
from app.parts import Parts
from payments.agencies.access.principals import OPERATOR
from payments.message_calls import CHANNEL_KINDS, ChannelAccess, ChannelKind
from payments.messages import commands
from payments.messages.channels import ChannelValue, list_channels, remove_channel, set_channel
from payments.messages.queries import (
    PayerMessageState,
    PayerMessageValue,
    get_message,
    list_messages,
)

messages = typer.Typer(
    help="Messages to payers: what was sent, what waits, through which channels.",
    no_args_is_help=True,
)

Kind = Annotated[str, typer.Option("--kind", help="sms, zns or email.")]

#: What an operator is told where nothing can be sent.
NONE_SET_UP = "Chưa có kênh nhắn tin nào: không tin nào được gửi."


@messages.command("channel")
def channel(
    agency: AgencyCode,
    kind: Kind,
    sender: Annotated[str, typer.Option(help="Brand name, official account, or address.")],
    access: Annotated[
        Path,
        typer.Option(help='JSON file of "url" and the provider\'s own names; - is standard input.'),
    ],
    accents: Annotated[
        bool,
        typer.Option("--accents/--no-accents", help="Whether an SMS keeps its marks; it costs."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Set a body's channel up, in the place of the one before; credentials are kept encrypted."""
    which, given = _kind(kind), read_credentials(access)
    url = given.pop("url", "")
    wanted = ChannelAccess(which, url, sender, accents, given)

    async def work(parts: Parts) -> str:
        async with parts.database.transaction() as session:
            found = await agency_of(session, agency)
            senders = parts.messages.senders
            return await set_channel(
                session, parts.cipher, senders, found.id, wanted, actor=OPERATOR
            )

    made = with_parts(work)
    if as_json:
        show({"id": made, "agency": agency, "kind": kind, "sender": sender, "accents": accents})
    else:
        say(f"{agency} now sends through {kind} as {sender}.")


@messages.command("remove-channel")
def drop_channel(agency: AgencyCode, kind: Kind) -> None:
    """Take a body's channel away; what waits for it is set aside."""
    which = _kind(kind)

    async def work(parts: Parts) -> None:
        async with parts.database.transaction() as session:
            found = await agency_of(session, agency)
            await remove_channel(session, found.id, which, actor=OPERATOR)

    with_parts(work)
    say(f"{agency} sends through {kind} no more.")


@messages.command("channels")
def show_channels(agency: OnlyAgency = None, as_json: Json = False) -> None:
    """Show the channels; never their credentials. --json has where providers report to."""

    async def work(parts: Parts) -> list[tuple[ChannelValue, str]]:
        urls = parts.payments.urls
        async with parts.database.reading() as session:
            listed = await list_channels(session, await only_of(session, agency))
            return [(one, urls.message_reports(one.id)) for one in listed]

    told = with_parts(work)
    if as_json:
        show([asdict(one) | {"report_url": address} for one, address in told])
        return
    found = [one for one, _ in told]
    if not found:
        say(NONE_SET_UP)
        return
    rows = [
        (
            *(one.agency, one.kind, one.sender, "có dấu" if one.accents else "không dấu"),
            one.renewal_fault,
        )
        for one in found
    ]
    show_table(("Cơ quan", "Kênh", "Người gửi", "Chữ", "Gia hạn khóa"), rows)


@messages.command("list")
def list_all(
    agency: OnlyAgency = None,
    state: Annotated[
        str | None,
        typer.Option(help="waiting, sending, unknown, sent, dropped or set_aside."),
    ] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List messages, the newest first: state, tries, why not; never recipient or text."""
    states = PayerMessageState.__args__  # type: ignore[attr-defined]  # of a Literal
    if state is not None and state not in states:
        fail(f"There is no state {state}: there are {', '.join(states)}.")

    async def work(parts: Parts) -> tuple[PayerMessageValue, ...]:
        async with parts.database.reading() as session:
            within = await only_of(session, agency)
            wanted = cast(PayerMessageState | None, state)
            return (await list_messages(session, within, state=wanted, limit=limit)).items

    found = with_parts(work)
    if as_json:
        show([asdict(one) for one in found])
        return
    rows = [
        (one.id, one.agency, one.kind, one.channel, one.state, one.attempts, one.last_error)
        for one in found
    ]
    show_table(("Tin", "Cơ quan", "Loại", "Kênh", "Trạng thái", "Lần", "Lý do"), rows)


@messages.command("replay")
def replay(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="The message's id.")],
) -> None:
    """Have a message that was set aside, or of which nobody knows, sent again under its own id."""

    async def work(parts: Parts) -> None:
        async with parts.database.transaction() as session:
            found = await get_message(session, message_id, None)
            await commands.replay(session, found, actor=OPERATOR)

    with_parts(work)
    say(f"{message_id} waits again.")


def _kind(text: str) -> ChannelKind:
    if text not in CHANNEL_KINDS:
        fail(f"There is no channel {text}: there are {', '.join(CHANNEL_KINDS)}.")
    return text
