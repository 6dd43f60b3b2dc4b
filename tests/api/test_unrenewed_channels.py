"""A channel whose tokens could not be renewed stands on the pages of staff until it is mended."""

from collections.abc import AsyncIterator

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text

from core.sessions import WriteSession
from payments.messages.renewing import renew_next
from tests.support.markup import words_of
from tests.support.messaging import Telephones, open_channel
from tests.support.neighbour import neighbour_of
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME, MESSAGES, OPERATIONS = "/staff", "/staff/settings/messages", "/staff/settings/operations"
GRANT, GRANT_EN = "cần cấp quyền lại", "access has to be granted anew"
ENDED, NOT_YET = "khóa truy cập đã hết hạn", "chưa gia hạn được khóa truy cập"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phones(shared_system: System) -> AsyncIterator[Telephones]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        yield Telephones(shared_system.sandbox_url, client)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def admin(shared_system: System) -> AsyncIterator[StaffBrowser]:
    async with signed_in_as(shared_system, "admin") as browser:
        yield browser


async def set_up(system: System, url: str | None = None) -> None:
    """The body's channel that renews its tokens, set up by the operator."""
    async with system.parts.database.transaction() as session:
        place = url or system.sandbox_url
        whose = (session, system.parts.cipher, system.body.agency_id)
        await open_channel(*whose, "zns", place, renewed=True)


async def change(system: System, values: str) -> None:
    async def work(session: WriteSession) -> None:
        channel = f"UPDATE message_channel SET {values} WHERE removed_at IS NULL"
        await session.execute(text(channel))

    await system.parts.database.run(work)


async def renew(system: System) -> None:
    """The worker asks for new tokens, for it is time."""
    await change(system, "renewal_due_at = now()")
    assert await renew_next(system.parts.messages) == 1


async def refused(system: System, phones: Telephones) -> None:
    """A channel whose refresh token has served, without anybody's having heard the answer."""
    await set_up(system)
    await renew(system)
    await phones.plan("oauth", "unclear")
    await renew(system)
    await renew(system)


async def said_on(browser: StaffBrowser, *pages: str) -> list[str]:
    return [words_of((await browser.get(page)).text) for page in pages]


async def test_refused_tokens_stand_on_the_pages_with_what_to_do(
    admin: StaffBrowser, phones: Telephones, shared_system: System
) -> None:
    await refused(shared_system, phones)
    home, messages, operations = await said_on(admin, HOME, MESSAGES, OPERATIONS)
    for page in (home, messages, operations):
        assert GRANT in page
        assert "Tin vẫn gửi được đến" in page
    command = f"--agency {shared_system.body.agency_code} --kind zns"
    for page in (messages, operations):
        assert "Người quản lý tài khoản “PHIPHUONG” của cơ quan cấp quyền lại" in page
        assert f"lephi messages channel {command}" in page
        assert "-14014" in page
        assert "canary" not in page
    for page in await said_on(admin, *(f"{one}?lang=en" for one in (HOME, MESSAGES, OPERATIONS))):
        assert GRANT_EN in page
    await admin.get(f"{HOME}?lang=vi")
    # When the token of before has ended too.
    await change(shared_system, "token_until = now() - interval '1 minute'")
    for page in await said_on(admin, HOME, MESSAGES, OPERATIONS):
        assert GRANT in page
        assert "Tin qua kênh này không gửi được" in page
        assert "Tin vẫn gửi được đến" not in page
    # Set up again it is gone.
    await set_up(shared_system)
    for page in await said_on(admin, HOME, MESSAGES, OPERATIONS):
        assert GRANT not in page
        assert "Nhà cung cấp không nhận khóa gia hạn nữa" not in page


async def test_who_reads_no_messages_or_is_of_another_body_is_not_told(
    shared_system: System,
) -> None:
    await set_up(shared_system)
    await change(shared_system, "renewal_due_at = NULL, renewal_fault = 'refused'")
    async with signed_in_as(shared_system, "chief") as chief:
        assert GRANT in (await said_on(chief, HOME))[0]
    async with signed_in_as(shared_system, "clerk") as clerk:
        (home,) = await said_on(clerk, HOME)
    assert GRANT not in home
    async with (
        neighbour_of(shared_system) as other,
        signed_in_as(shared_system, "admin", agency_id=other.agency_id) as stranger,
    ):
        for page in await said_on(stranger, HOME, MESSAGES, OPERATIONS):
            assert GRANT not in page
            assert shared_system.body.agency_code not in page


async def test_what_is_tried_again_by_itself_is_told_where_it_is_kept(
    admin: StaffBrowser, shared_system: System
) -> None:
    """The first page is for what waits for a person; when the token has ended it says so too."""
    await set_up(shared_system, "http://127.0.0.1:9")
    await renew(shared_system)
    home, messages, operations = await said_on(admin, HOME, MESSAGES, OPERATIONS)
    assert NOT_YET not in home
    for page in (messages, operations):
        assert NOT_YET in page
        assert "Hệ thống tự thử lại lúc" in page
        assert GRANT not in page
    await change(shared_system, "token_until = now() - interval '1 minute'")
    assert ENDED in (await said_on(admin, HOME))[0]
    # The provider is there again.
    await change(shared_system, "renewal_fault = NULL, token_until = now() + interval '1 day'")
    for page in await said_on(admin, HOME, MESSAGES, OPERATIONS):
        assert NOT_YET not in page
        assert ENDED not in page
