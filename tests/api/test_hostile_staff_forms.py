"""Forms of the staff pages that no browser sends: refused, counted all the same, no failure."""

import pytest

from core.ids import new_id
from tests.api.test_hostile_forms import SURROGATE, multipart
from tests.support.staff_browser import PASSWORD, form_of, new_person, staff_browser
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")
SIGN_IN, SECOND = "/staff/sign-in", "/staff/second-factor"
SENT = (b"\x00", SURROGATE, b"a\x00b", b"+//4-", b"9" * 100_000)


@pytest.mark.parametrize("field", ["email", "password", "next", "kept", "form_token"])
@pytest.mark.parametrize("sent", SENT, ids=range(len(SENT)))
async def test_no_field_of_signing_in_breaks_it(
    shared_system: System, field: str, sent: bytes
) -> None:
    async with staff_browser(shared_system, f"{new_id('x')}@example.vn") as browser:
        page = (await browser.get(SIGN_IN)).text
        typed = form_of(page, SIGN_IN) | {"email": browser.email, "password": PASSWORD}
        form = {name: value.encode() for name, value in typed.items()}
        answer = await browser.client.post(SIGN_IN, **multipart(form | {field: sent}))
    assert answer.status_code in (401, 403), answer.text


async def test_a_wrong_code_counts_whatever_else_the_form_holds(shared_system: System) -> None:
    email = await new_person(shared_system, "finance")
    async with staff_browser(shared_system, email) as browser:
        await browser.sign_in()
    answers = []
    async with staff_browser(shared_system, email) as thief:
        await thief.enter_password()
        page = (await thief.get(SECOND)).text
        form = {name: value.encode() for name, value in form_of(page, SECOND).items()}
        for _ in range(8):
            tried = multipart(form | {"code": b"000000", "kept": SURROGATE})
            answers.append((await thief.client.post(SECOND, **tried)).status_code)
        typed = {name: value.decode() for name, value in form.items()} | {"code": "000000"}
        last = await thief.client.post(SECOND, data=typed)
    # Refused before the code is looked at, or counted: never looked at and not counted.
    assert answers == [403] * 8
    assert last.status_code == 401
