"""`lephi day-rule`: how an account's days are judged: its sweep, and when money is late."""

from typing import Annotated

import typer

from app.cli.approvals import Reason, one_line, show_approval
from app.cli.console import Json, show
from app.cli.signed_in import By, as_person_with
from app.cli.wired import with_parts
from app.parts import Parts
from core.bodies import validated
from core.errors import NotFound
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.queries import find_collection_account
from payments.books.approvals import ApprovalValue, propose
from reconciliation.days.day_rules import DAY_RULE, list_day_rules
from reconciliation.days.rules_api import DayRuleIn, DayRuleOut
from reconciliation.statements.uploads import own_account

day_rule = typer.Typer(help="How an account's days are judged.", no_args_is_help=True)

Account = Annotated[str, typer.Option(help="Code or number of the collection account.")]


@day_rule.callback()
def about() -> None:
    """How an account's days are judged."""


@day_rule.command("list")
def list_rules(account: Account, as_json: Json = False) -> None:
    """Show every rule of an account; the newest one that has begun holds."""

    async def work(parts: Parts) -> list[DayRuleOut]:
        async with parts.database.reading() as session:
            found = await find_collection_account(session, account)
            if found is None:
                raise NotFound(f"There is no collection account {account}.")
            return [DayRuleOut.of(rule) for rule in await list_day_rules(session, found.id)]

    rules = with_parts(work)
    if as_json:
        show([rule.model_dump(mode="json") for rule in rules])
    elif not rules:
        typer.echo("No rule: money is missing three working days after it was due.")
    for rule in [] if as_json else rules:
        swept = ", ".join([*rule.sweep_words, *rule.sweep_accounts]) or "-"
        daily = ", each working day" if rule.swept_daily else ""
        typer.echo(
            f"{rule.valid_from} {rule.gateway or 'account'}: due after {rule.due_after},"
            f" missing after {rule.missing_after} working days; swept: {swept}{daily}"
        )


@day_rule.command("set")
def set_rule(
    account: Account,
    valid_from: Annotated[str, typer.Option(metavar="DATE", help="The first day it holds on.")],
    reason: Reason,
    by: By,
    gateway: Annotated[str, typer.Option(help="The gateway whose money it is about.")] = "",
    sweep_words: Annotated[
        list[str] | None, typer.Option(help="Words that a sweep to the State Bank bears.")
    ] = None,
    sweep_account: Annotated[
        list[str] | None, typer.Option(help="Number of an account that it is swept to.")
    ] = None,
    swept_daily: Annotated[
        bool | None,
        typer.Option(
            "--swept-daily/--not-daily",
            help="Whether a working day without a sweep is told; it is where sweeps are named.",
        ),
    ] = None,
    due_after: Annotated[int, typer.Option(help="Working days until its money is due.")] = 0,
    missing_after: Annotated[int, typer.Option(help="Working days from late to missing.")] = 3,
    as_json: Json = False,
) -> None:
    """Ask that a rule hold from a day on: another person approves it."""
    given = validated(
        DayRuleIn,
        {
            "account": account,
            "gateway": gateway,
            "valid_from": valid_from,
            "sweep_words": sweep_words or [],
            "sweep_accounts": sweep_account or [],
            "swept_daily": swept_daily,
            "due_after": due_after,
            "missing_after": missing_after,
            "reason": one_line(reason),
        },
    )

    async def work(parts: Parts, session: WriteSession, person: Principal) -> ApprovalValue:
        found = await own_account(session, person, given.account)
        kinds = parts.approval_kinds
        return await propose(session, kinds, DAY_RULE, found.id, given.wanted, given.reason, person)

    show_approval(as_person_with(by, work), as_json=as_json)
