"""The page's role, put into the table step by step: who complains until it is complete."""

from typing import Any

import pytest

from payments.agencies.access import rights
from tests.api import test_rights
from tests.support.extend_page import edited, module_from
from tests.unit import test_roles

TABLE = "payments/agencies/access/rights.py"
#: Words of the page's three pieces, in their order.
MEMBER, UNPACKED, TITLE = 'CASHIER = "cashier"', "_CASHIER = Role", "Title("


def table(patch: pytest.MonkeyPatch, *steps: str, text: str = "") -> Any:
    """The table of rights with some steps done, in the place of ours for its tests."""
    made = module_from(text or edited(TABLE, *steps), "rights_of_the_page", patch)
    for name in ("RIGHTS", "ROLES", "SCOPES", "Action", "Role", "Scope", "drawn"):
        patch.setattr(test_roles, name, getattr(made, name))
    patch.setattr(test_rights, "EVERYBODY", [*made.Role, *made.Scope])
    return made


def test_with_every_step_done_the_table_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    made = table(monkeypatch)
    assert set(made.Role) - set(rights.Role) == {"cashier"}
    test_roles.test_everything_is_in_the_table_and_explained_in_both_languages()
    test_roles.test_every_action_has_a_role_every_role_and_scope_an_action()
    test_roles.test_the_drawing_has_every_action_role_and_scope_once()


def test_it_is_in_everyone_and_office_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = table(monkeypatch)
    may = {action for action, right in made.RIGHTS.items() if "cashier" in right.roles}
    assert may == {
        *("bills.read", "receipts.read", "prices.read"),
        *("catalogue.export", "catalogue.read_proposals"),
        *("markets.read", "vendors.read"),
    }


def test_a_role_that_is_not_unpacked_is_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="too many values to unpack"):
        table(monkeypatch, MEMBER, TITLE)


def test_a_role_without_a_title_is_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    table(monkeypatch, MEMBER, UNPACKED)
    with pytest.raises(AssertionError):
        test_roles.test_everything_is_in_the_table_and_explained_in_both_languages()


def test_a_role_that_may_do_nothing_is_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    everyone = "_EVERYONE = frozenset(Role)"
    text = edited(TABLE)
    assert text.count(everyone) == 1
    table(monkeypatch, text=text.replace(everyone, f"{everyone} - {{_CASHIER}}"))
    with pytest.raises(AssertionError):
        test_roles.test_every_action_has_a_role_every_role_and_scope_an_action()


async def test_a_role_that_no_route_is_asked_as_is_complained_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await test_rights.test_every_role_and_scope_is_asked_as()
    table(monkeypatch)
    with pytest.raises(AssertionError):
        await test_rights.test_every_role_and_scope_is_asked_as()


def test_a_page_without_the_role_is_complained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    test_roles.test_the_page_about_roles_is_what_the_command_draws()
    made = table(monkeypatch)
    monkeypatch.setattr("app.cli.roles.drawn", made.drawn)
    with pytest.raises(AssertionError, match="out of date"):
        test_roles.test_the_page_about_roles_is_what_the_command_draws()
