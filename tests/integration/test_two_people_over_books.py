"""What one person asks for and another decides, straight over the books.

Every field, every refusal, who may, and what a kind is told: the kinds here only say what they were
called with.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.seed.agency import DemoBody
from core import clock, failpoints
from core.db import Database
from core.errors import Conflict, NotAllowed, NotFound
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action, Role
from payments.books.approvals import (
    ApprovalDecided,
    ApprovalKind,
    ApprovalValue,
    ApprovalWaits,
    FiguresChanged,
    GivenApproval,
    ProposerApproves,
    Subject,
    approve,
    find_proposed,
    get_approval,
    list_approvals,
    list_proposed,
    propose,
    reject,
)
from tests.support.bare_money import add_body
from tests.support.locks import rows_free
from tests.support.rows import audited

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT = datetime(2026, 11, 30, 3, tzinfo=UTC)


def person(body: DemoBody, *roles: Role, also: tuple[str, ...] = ()) -> Principal:
    actor = f"staff:{new_id('staff')}"
    return Principal(
        actor, "key", body.agency_id, frozenset({body.agency_id, *also}), frozenset(roles)
    )


@dataclass
class Deeds:
    """A kind of approval that says what was asked of it; `figures` is what its look finds."""

    subject: Subject
    called: list[tuple[Any, ...]] = field(default_factory=list)
    trouble: Exception | None = None

    async def look(self, _: WriteSession, object_id: str, wanted: Mapping[str, Any]) -> Subject:
        self.called.append(("look", object_id, dict(wanted)))
        if self.trouble is not None:
            raise self.trouble
        return self.subject

    async def carry_out(
        self, _: WriteSession, approval: ApprovalValue, actor: str
    ) -> Mapping[str, Any]:
        self.called.append(("carry_out", approval.id, actor))
        return {"done": 1}

    async def refuse(self, _: WriteSession, object_id: str, actor: str) -> None:
        self.called.append(("refuse", object_id, actor))

    async def tell(self, _: WriteSession, object_id: str) -> Mapping[str, str]:
        self.called.append(("tell", object_id))
        return {"secret": object_id}

    def kind(
        self, *, whole: bool = True, proposing: Action | None = Action.PROPOSE_APPROVAL
    ) -> ApprovalKind:
        """With everything that a kind may have; else only what it must."""
        refuse = self.refuse if whole else None
        tell = self.tell if whole else None
        return ApprovalKind(self.look, self.carry_out, refuse, tell, proposing)


@dataclass
class Office:
    """A body, somebody of it who asks and somebody who decides, and the kind they work with."""

    database: Database
    body: DemoBody
    clerk: Principal
    chief: Principal
    deeds: Deeds
    object_id: str

    async def ask(self, by: Principal | None = None, **kinds: Any) -> ApprovalValue:
        """Ask for the kind about its object."""
        known = {"deed": self.deeds.kind(**kinds)}
        async with self.database.transaction() as session:
            return await propose(
                *(session, known, "deed", self.object_id, {"bill": "LPX"}, "vì thế"),
                by or self.clerk,
            )

    async def give(self, approval: ApprovalValue, by: Principal, **kinds: Any) -> GivenApproval:
        async with self.database.transaction() as session:
            return await approve(session, {"deed": self.deeds.kind(**kinds)}, approval.id, by)

    async def refuse(self, approval: ApprovalValue, by: Principal, **kinds: Any) -> ApprovalValue:
        known = {"deed": self.deeds.kind(**kinds)}
        async with self.database.transaction() as session:
            return await reject(session, known, approval.id, "không được", by)

    async def read(self, approval: ApprovalValue) -> ApprovalValue:
        async with self.database.reading() as session:
            return await get_approval(session, approval.id, self.clerk.agency_ids)


async def office_in(database: Database) -> Office:
    async with database.transaction() as session:
        body = await add_body(session)
    deeds = Deeds(Subject(body.agency_id, {"amount": 5000}))
    clerk, chief = person(body, Role.FINANCE), person(body, Role.CHIEF)
    return Office(database, body, clerk, chief, deeds, new_id("susp"))


@pytest.fixture
async def office(bare_books: Database) -> Office:
    return await office_in(bare_books)


async def test_what_is_asked_for_is_kept_as_it_was_asked(office: Office) -> None:
    with clock.frozen(AT):
        asked = await office.ask()
    assert asked == ApprovalValue(
        id=asked.id,
        agency_id=office.body.agency_id,
        agency=office.body.agency_code,
        kind="deed",
        object_id=office.object_id,
        wanted={"bill": "LPX"},
        figures={"amount": 5000},
        reason="vì thế",
        status="proposed",
        proposed_by=office.clerk.actor,
        proposed_at=AT,
        decided_by=None,
        decided_at=None,
        decision=None,
        outcome=None,
    )
    assert await office.read(asked) == asked
    assert office.deeds.called == [("look", office.object_id, {"bill": "LPX"})]
    told = {"kind": "deed", "object": office.object_id, "figures": {"amount": 5000}}
    assert await audited(office.database, asked.id) == [
        ("approval.proposed", office.clerk.actor, told)
    ]


async def test_what_is_approved_is_done_by_who_approves_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []
    monkeypatch.setattr(failpoints, "hit", reached.append)
    asked = await office.ask()
    with clock.frozen(AT):
        given = await office.give(asked, office.chief)
    done = replace(
        asked,
        status="approved",
        decided_by=office.chief.actor,
        decided_at=AT,
        outcome={"done": 1},
    )
    assert given == GivenApproval(done, {"secret": office.object_id})
    assert await office.read(asked) == done
    look = ("look", office.object_id, {"bill": "LPX"})
    carry_out = ("carry_out", asked.id, office.chief.actor)
    assert office.deeds.called == [look, look, ("tell", office.object_id), carry_out]
    told = {"kind": "deed", "object": office.object_id, "figures": {"amount": 5000}}
    assert (await audited(office.database, asked.id))[1:] == [
        ("approval.approved", office.chief.actor, told)
    ]
    assert "approval.before_commit" in reached


async def test_what_is_rejected_is_not_done_and_what_was_kept_for_it_goes(office: Office) -> None:
    asked = await office.ask()
    with clock.frozen(AT):
        refused = await office.refuse(asked, office.chief)
    assert refused == replace(
        asked,
        status="rejected",
        decided_by=office.chief.actor,
        decided_at=AT,
        decision="không được",
    )
    assert await office.read(asked) == refused
    assert office.deeds.called[1:] == [("refuse", office.object_id, office.chief.actor)]
    assert [one[:2] for one in await audited(office.database, asked.id)] == [
        ("approval.proposed", office.clerk.actor),
        ("approval.rejected", office.chief.actor),
    ]


async def test_a_kind_may_tell_nothing_and_keep_nothing(office: Office) -> None:
    given = await office.give(await office.ask(whole=False), office.chief, whole=False)
    assert given.told_once == {}
    refused = await office.refuse(await office.ask(whole=False), office.chief, whole=False)
    assert refused.status == "rejected"


async def test_who_asked_takes_it_back_and_no_other_clerk_does(office: Office) -> None:
    asked = await office.ask()
    with pytest.raises(NotAllowed):
        await office.refuse(asked, person(office.body, Role.FINANCE))
    assert (await office.refuse(asked, office.clerk)).decided_by == office.clerk.actor


async def test_who_may_neither_ask_nor_decide_does_not(office: Office) -> None:
    auditor = person(office.body, Role.AUDITOR)
    with pytest.raises(NotAllowed):
        await office.ask(auditor)
    # Who offers the kind has looked already.
    asked = await office.ask(auditor, proposing=None)
    with pytest.raises(NotAllowed):
        await office.give(asked, office.clerk)
    assert [one for one in office.deeds.called if one[0] == "carry_out"] == []


async def test_nobody_approves_what_they_asked_for(office: Office) -> None:
    both = person(office.body, Role.FINANCE, Role.CHIEF)
    asked = await office.ask(both)
    with pytest.raises(ProposerApproves, match="người thứ hai") as refused:
        await office.give(asked, both)
    assert refused.value.code == "same_person"
    assert (await office.read(asked)).status == "proposed"


async def test_one_thing_waits_about_an_object_at_a_time(office: Office) -> None:
    other = await office_in(office.database)
    await other.ask()
    asked = await office.ask()
    with pytest.raises(ApprovalWaits) as waits:
        await office.ask()
    assert waits.value.code == "already_proposed"
    await office.refuse(asked, office.chief)
    assert (await office.ask()).id != asked.id


@pytest.mark.parametrize(("way", "done"), [("give", "duyệt"), ("refuse", "từ chối")])
async def test_what_is_decided_is_decided(office: Office, way: str, done: str) -> None:
    asked = await office.ask()
    decide: Callable[..., Awaitable[Any]] = getattr(office, way)
    await decide(asked, office.chief)
    for again in (office.give, office.refuse):
        with pytest.raises(ApprovalDecided, match=f"đã được {done}") as refused:
            await again(asked, person(office.body, Role.CHIEF))
        assert refused.value.code == "already_decided"


async def test_of_another_body_nothing_is_seen_asked_or_decided(office: Office) -> None:
    other = await office_in(office.database)
    asked = await office.ask()
    for act in (office.give, office.refuse):
        with pytest.raises(NotFound, match="đề nghị"):
            await act(asked, other.chief)
    with pytest.raises(NotFound, match="khoản"):
        await office.ask(other.clerk)
    async with office.database.reading() as session:
        for wanted, seen_by in ((asked.id, other.clerk), ("appr_none", office.clerk)):
            with pytest.raises(NotFound, match="đề nghị"):
                await get_approval(session, wanted, seen_by.agency_ids)
    # What touches things of two bodies is for whoever may see both, to ask and to decide.
    touches = Subject(office.body.agency_id, {"amount": 5000}, (other.body.agency_id,))
    office.deeds.subject, office.object_id = touches, new_id("susp")
    with pytest.raises(NotFound, match="khoản"):
        await office.ask()
    asked = await office.ask(person(office.body, Role.FINANCE, also=touches.others))
    with pytest.raises(NotFound, match="khoản"):
        await office.give(asked, office.chief)
    above = person(office.body, Role.CHIEF, also=touches.others)
    assert (await office.give(asked, above)).approval.status == "approved"


async def test_changed_figures_and_what_cannot_be_done_any_more_are_not_approved(
    office: Office,
) -> None:
    asked = await office.ask()
    told = Subject(office.body.agency_id, {"amount": 4000})
    subject, office.deeds.subject = office.deeds.subject, told
    with pytest.raises(FiguresChanged, match="Số liệu đã khác lúc đề nghị"):
        await office.give(asked, office.chief)
    office.deeds.subject = subject
    for trouble in (Conflict("Đã xử lý."), NotFound("Không còn.")):
        office.deeds.trouble = trouble
        with pytest.raises(FiguresChanged, match=f"{trouble.detail} Hãy từ chối") as refused:
            await office.give(asked, office.chief)
        assert refused.value.code == "stale"
    office.deeds.trouble = None
    assert (await office.give(asked, office.chief)).approval.status == "approved"


async def test_who_decides_holds_the_approval_alone(office: Office) -> None:
    asked = await office.ask()
    free: list[set[str]] = []

    async def look(_: WriteSession, __: str, ___: Mapping[str, Any]) -> Subject:
        free.append(await rows_free(office.database, "approval", [asked.id]))
        return office.deeds.subject

    async with office.database.transaction() as session:
        await approve(
            session, {"deed": replace(office.deeds.kind(), look=look)}, asked.id, office.chief
        )
    assert free == [set()]


async def test_what_waits_is_found_by_its_kind_its_object_and_its_body(office: Office) -> None:
    other = await office_in(office.database)
    theirs, asked = await other.ask(), await office.ask()
    own = office.clerk.agency_ids
    async with office.database.reading() as session:
        assert await find_proposed(session, "deed", office.object_id, own) == asked
        assert await find_proposed(session, "other", office.object_id, own) is None
        assert await find_proposed(session, "deed", new_id("susp"), own) is None
        assert (
            await find_proposed(session, "deed", office.object_id, other.clerk.agency_ids) is None
        )
        both = [*own, *other.clerk.agency_ids]
        assert await list_proposed(session, both) == [theirs, asked]
        assert await list_proposed(session, both, 1) == [theirs]
        assert await list_proposed(session, own) == [asked]
    await office.give(asked, office.chief)
    async with office.database.reading() as session:
        assert await find_proposed(session, "deed", office.object_id, own) is None
        assert await list_proposed(session, both) == [theirs]


async def test_approvals_are_listed_the_newest_first_page_by_page(office: Office) -> None:
    await (await office_in(office.database)).ask()
    asked = []
    for _ in range(5):
        office.object_id = new_id("susp")
        asked.append(await office.ask())
    done = (await office.give(asked[1], office.chief)).approval
    newest = [*reversed(asked)]
    newest[3] = done
    ids = office.clerk.agency_ids
    async with office.database.reading() as session:
        first = await list_approvals(session, ids, limit=2)
        assert first.items == tuple(newest[:2])
        assert first.next_cursor == newest[1].id
        second = await list_approvals(session, ids, limit=2, cursor=first.next_cursor)
        assert second.items == tuple(newest[2:4])
        last = await list_approvals(session, ids, limit=2, cursor=second.next_cursor)
        assert (last.items, last.next_cursor) == (tuple(newest[4:]), None)
        assert (await list_approvals(session, ids, limit=5)).next_cursor is None
        assert (await list_approvals(session, ids, status="approved")).items == (done,)
        waiting = await list_approvals(session, ids, status="proposed")
        assert waiting.items == tuple(one for one in newest if one != done)


async def test_a_page_holds_fifty_and_a_thousand_wait_at_most(office: Office) -> None:
    many = text(
        "INSERT INTO approval (id, agency_id, kind, object_id, wanted, figures, reason, status,"
        " proposed_by, proposed_at) SELECT :agency || n, :agency, 'deed', :agency || n, '{}', '{}',"
        " 'x', 'proposed', 'staff:x', :now FROM generate_series(1, 1001) n"
    )
    async with office.database.transaction() as session:
        values = {"agency": office.body.agency_id, "now": clock.now() + timedelta(0)}
        await session.execute(many, values)
    async with office.database.reading() as session:
        assert len((await list_approvals(session, office.clerk.agency_ids)).items) == 50
        assert len(await list_proposed(session, office.clerk.agency_ids)) == 1000
