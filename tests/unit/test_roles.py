"""The table of rights: complete, sensible, and what the page says."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import build
from core.errors import NotAllowed
from payments.agencies.access.principals import Principal, ScopeMissing, known_roles
from payments.agencies.access.rights import (
    PORTAL_SCOPES,
    RIGHTS,
    ROLES,
    SCOPES,
    Action,
    Role,
    Scope,
    drawn,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"

#: What moves money, or says that it is right; more will come with refunds and closing.
ABOUT_MONEY = {Action.CREATE_BILL, Action.CANCEL_BILL, Action.START_PAYMENT,
               Action.TAKE_STATEMENT, Action.RECONCILE}  # fmt: skip


def system(*scopes: Scope) -> Principal:
    mine = frozenset({"agency_1"})
    return Principal("key:1", "1", "agency_1", mine, frozenset(), frozenset(scopes))


def person(*roles: Role, scopes: frozenset[Scope] = frozenset()) -> Principal:
    mine = frozenset({"agency_1"})
    return Principal("staff:1", "1", "agency_1", mine, frozenset(roles), scopes)


def test_everything_is_in_the_table_and_explained_in_both_languages() -> None:
    assert set(RIGHTS) == set(Action)
    assert set(ROLES) == set(Role)
    assert set(SCOPES) == set(Scope)
    titles = [*(right.title for right in RIGHTS.values()), *ROLES.values(), *SCOPES.values()]
    for title in titles:
        assert title.vi
        assert title.en
        assert title.vi != title.en
        assert "|" not in title.vi + title.en


def test_every_action_has_a_role_every_role_and_scope_an_action() -> None:
    assert all(right.roles for right in RIGHTS.values())
    assert {role for right in RIGHTS.values() for role in right.roles} == set(Role)
    assert {scope for right in RIGHTS.values() for scope in right.scopes} == set(Scope)


def test_no_scope_opens_what_the_administrator_who_gives_it_may_not_do() -> None:
    for action, right in RIGHTS.items():
        assert not right.scopes or Role.ADMIN in right.roles, action


def test_no_system_administers_or_decides() -> None:
    for action in (Action.ADMINISTER, Action.PROPOSE_CHANGE, Action.DECIDE_CHANGE,
                   Action.CHANGE_NATIONAL):  # fmt: skip
        assert not RIGHTS[action].scopes


def test_who_only_looks_or_only_collects_decides_nothing() -> None:
    for action in ABOUT_MONEY | {Action.PROPOSE_CHANGE, Action.DECIDE_CHANGE, Action.ADMINISTER}:
        assert Role.AUDITOR not in RIGHTS[action].roles
    collector = {action for action, right in RIGHTS.items() if Role.COLLECTOR in right.roles}
    assert collector == {Action.START_PAYMENT, Action.READ_BILLS, Action.READ_RECEIPTS,
                         Action.READ_PRICES, Action.READ_MARKETS, Action.READ_VENDORS,
                         Action.READ_METERS, Action.COLLECT}  # fmt: skip


def test_a_new_key_is_a_portals() -> None:
    assert set(PORTAL_SCOPES) == {"bills", "receipts:read"}
    portal = {action for action in Action if system(*PORTAL_SCOPES).may(action)}
    assert portal == {Action.CREATE_BILL, Action.CANCEL_BILL, Action.START_PAYMENT,
                      Action.READ_BILLS, Action.READ_RECEIPTS, Action.READ_PRICES,
                      Action.KEEP_DEBTS}  # fmt: skip


@pytest.mark.parametrize("action", Action)
def test_a_person_is_judged_by_roles_and_a_system_by_scopes(action: Action) -> None:
    right = RIGHTS[action]
    for role in Role:
        assert person(role).may(action) is (role in right.roles)
    for scope in Scope:
        assert system(scope).may(action) is (scope in right.scopes)
    assert not person().may(action)
    assert not system().may(action)
    # Scopes are no rights of a person's, whatever has been written into the row.
    assert not person(scopes=frozenset(Scope)).may(action)


def test_a_refusal_says_what_is_missing() -> None:
    with pytest.raises(ScopeMissing) as missing:
        system(Scope.BILLS).require(Action.READ_RECEIPTS)
    assert "receipts:read" in missing.value.detail
    with pytest.raises(ScopeMissing) as missing:
        system().require(Action.READ_PRICES)
    assert len(missing.value.errors) == 2
    for who, action in ((system(*Scope), Action.ADMINISTER), (person(), Action.READ_BILLS)):
        with pytest.raises(NotAllowed) as refused:
            who.require(action)
        assert refused.value.code == "not_allowed"
    person(Role.ADMIN).require(Action.ADMINISTER)


def test_a_role_that_is_not_known_here_opens_nothing() -> None:
    assert known_roles(["clerk", "emperor"]) == {Role.CLERK}


def test_the_page_about_roles_is_what_the_command_draws() -> None:
    shown = CliRunner().invoke(build("roles"), ["roles"])
    assert shown.exit_code == 0
    assert shown.stdout.strip() == drawn()
    heading, introduction, tables = PAGE.read_text(encoding="utf-8").split("\n\n", 2)
    assert heading.startswith("# ")
    assert introduction
    assert tables.strip() == shown.stdout.strip(), (
        f"{PAGE.name} is out of date: keep its heading and first sentence, and put the output of"
        " `lephi roles` after them"
    )


def test_the_drawing_has_every_action_role_and_scope_once() -> None:
    lines = [line.split("`")[1] for line in drawn().splitlines() if line.startswith("| `")]
    assert sorted(lines) == sorted([*Role, *Scope, *Action])
