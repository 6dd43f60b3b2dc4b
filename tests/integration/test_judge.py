"""`lephi invariants`: what it ends with and where it goes on; and the service's database role."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool
from typer.testing import CliRunner, Result

from app.cli.doctor import _check_role
from app.cli.main import build
from app.figures import count_figures
from app.migrations.grants import grant
from core.audit import Sealer, chain, find_head
from core.checkpoints import find_checkpoint
from core.database_role import DatabaseRole, get_role
from core.db import Database
from core.errors import NotFound
from core.figures import list_figures
from core.ids import new_id
from core.settings import Settings

if TYPE_CHECKING:
    from tests.support.system_builder import SystemTemplate

Lephi = Callable[..., Result]


@pytest.fixture
def url(system_template: "SystemTemplate", tmp_path: Path) -> Iterator[str]:
    system_template.copy_keys(tmp_path / "data")
    with system_template.copy() as found:
        yield found


@pytest.fixture
def lephi(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    monkeypatch.setenv("LEPHI_DATABASE_URL", url)
    monkeypatch.setenv("LEPHI_DATA_DIR", str(tmp_path / "data"))
    commands = {name: build(name) for name in ("invariants", "anchor", "doctor")}

    def run(*words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(commands[words[0]], list(words))
        assert done.exit_code == code, done.output
        return done

    return run


def say(url: str, *statements: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def chained(url: str, key: Sealer) -> None:
    """Do the worker's part of the chain."""

    async def work() -> None:
        database = Database(url, pool_size=1)
        async with database.transaction() as session:
            while await chain(session, sealer=key):
                pass
        await database.dispose()

    asyncio.run(work())


def sealer_of(data: Path) -> Sealer:
    from app.wiring import derive

    return Sealer(derive((data / "keys" / "field.key").read_bytes(), "seals"))


def test_it_ends_with_0_1_or_2_and_goes_on_where_it_was(
    lephi: Lephi, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chained(url, sealer_of(tmp_path / "data"))
    assert json.loads(lephi("invariants", "--json").stdout) == {"broken": [], "whole": True}
    again = json.loads(lephi("invariants", "--since-last", "--json").stdout)
    assert again == {"broken": [], "whole": False}
    say(url, "UPDATE gateway_account SET base_url = 'https://elsewhere.example'")
    for words in ((), ("--since-last",)):
        assert "has another base_url" in lephi("invariants", *words, code=1).stderr
    away = make_url(url).set(database="nowhere").render_as_string(hide_password=False)
    monkeypatch.setenv("LEPHI_DATABASE_URL", away)
    assert lephi("invariants", code=2).stderr.strip()
    monkeypatch.setenv("LEPHI_DATABASE_URL", "nonsense")
    lephi("invariants", code=2)


def test_a_question_that_takes_too_long_is_no_verdict(
    lephi: Lephi, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.books._MINUTE_MS", 1)
    say(
        url,
        "INSERT INTO bill (id, agency_id, reference, status, amount, channel, language, extra,"
        " created_at, opened_on) SELECT 'bill_' || n, a.id, 'R' || n, 'open', 1, 'api', 'vi', '{}',"
        " now(), current_date FROM agency a, generate_series(1, 20000) n",
    )
    told = lephi("invariants", "--statement-minutes", "1", code=2).stderr
    assert "could not be told" in told


def test_a_checkpoint_that_we_did_not_make_is_not_believed(url: str, tmp_path: Path) -> None:
    key = sealer_of(tmp_path / "data")
    chained(url, key)
    say(
        url,
        "INSERT INTO checkpoint (at, seq, hash, seal, whole)"
        " SELECT now(), seq, hash, seal, true FROM audit_link WHERE seal IS NOT NULL",
    )

    async def known() -> bool:
        database = Database(url, pool_size=1)
        async with database.reading() as session:
            assert await find_head(session) is not None
            found = await find_checkpoint(session, key)
        await database.dispose()
        return found is not None

    assert not asyncio.run(known())


def test_an_anchor_is_written_and_compared_by_the_command(
    lephi: Lephi, url: str, tmp_path: Path
) -> None:
    key = sealer_of(tmp_path / "data")
    assert "Nothing is chained yet." in lephi("anchor").stdout
    chained(url, key)
    path = Path(json.loads(lephi("anchor", "--json").stdout)["anchor"])
    assert path.parent == tmp_path / "data" / "anchors"
    lephi("invariants")
    say(
        url,
        "SET LOCAL session_replication_role = replica",
        "DELETE FROM audit_link",
        "UPDATE audit_entry SET actor = 'system:x'",
    )
    chained(url, key)
    assert "is not the one anchored" in lephi("invariants", code=1).stderr
    assert "is not the one anchored" in lephi("invariants", "--anchor", str(path), code=1).stderr
    # Without it, what the running service has sealed again holds.
    path.unlink()
    lephi("invariants")


@pytest.fixture
def role(url: str) -> Iterator[str]:
    name = new_id("lephi").replace("-", "_")[:30]
    say(url, f"CREATE ROLE {name} LOGIN")
    yield name
    say(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def role_seen(url: str, role: str) -> DatabaseRole:
    async def look() -> DatabaseRole:
        address = make_url(url).set(username=role).render_as_string(hide_password=False)
        database = Database(address, pool_size=1)
        async with database.reading() as session:
            found = await get_role(session)
        await database.dispose()
        return found

    return asyncio.run(look())


def test_the_role_of_the_service_owns_nothing_and_can_undo_no_guard(url: str, role: str) -> None:
    grant(url, role)
    grant(url, role)
    assert role_seen(url, role).excess == ""
    address = make_url(url).set(username=role).render_as_string(hide_password=False)
    say(
        address,
        *("SELECT count(*) FROM bill", "DELETE FROM wrong_guess"),
        *("CREATE TEMPORARY TABLE passing (id int)", "DELETE FROM statement_taking"),
    )
    for statement in (
        "TRUNCATE audit_link",
        "DELETE FROM payment",
        "UPDATE audit_entry SET actor = 'x'",
        "ALTER TABLE posting DISABLE TRIGGER append_only",
        "DROP TABLE audit_link",
        "SET session_replication_role = replica",
        "CREATE TABLE beside (id int)",
        "CREATE TRIGGER t BEFORE INSERT ON bill FOR EACH ROW EXECUTE FUNCTION forbid_change()",
    ):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            say(address, statement)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("GRANT TRUNCATE ON audit_link TO {role}", "empty or rewrite 1"),
        ("GRANT UPDATE ON audit_entry TO {role}", "empty or rewrite 1"),
        ("ALTER TABLE figure OWNER TO {role}", "owns 1 tables"),
        ("GRANT lephi_group TO {role}", "owns 1 tables"),
        ("GRANT CREATE ON SCHEMA public TO {role}", "create things"),
    ],
)
def test_a_role_that_could_do_more_is_seen(url: str, role: str, more: str, words: str) -> None:
    grant(url, role)
    group = f"g{role}"[:40]
    if "lephi_group" in more:
        say(url, f"CREATE ROLE {group}", f"ALTER TABLE figure OWNER TO {group}")
    try:
        say(url, more.format(role=role).replace("lephi_group", group))
        assert words in role_seen(url, role).excess
    finally:
        say(url, "ALTER TABLE figure OWNER TO CURRENT_USER")
        if "lephi_group" in more:
            say(url, f"DROP OWNED BY {group}", f"DROP ROLE {group}")


def test_a_role_that_is_not_there_is_said(url: str) -> None:
    with pytest.raises(NotFound, match="CREATE ROLE nobody_here"):
        grant(url, "nobody_here")


def test_the_doctor_calls_an_owner_a_fault_in_production_only() -> None:
    owner, plain = DatabaseRole("lephi", 47, 47, True), DatabaseRole("lephi_service", 0, 0, False)
    strict = Settings.model_construct(mode="production")
    assert not _check_role(owner, strict).ok
    assert "LEPHI_RUNTIME_ROLE" in _check_role(owner, strict).detail
    assert _check_role(plain, strict).ok
    demo = _check_role(owner, Settings.model_construct(mode="demo"))
    assert (demo.ok, demo.warning) == (True, True)


async def test_figures_are_counted_anew_and_not_added_up(url: str) -> None:
    database = Database(url, pool_size=2)
    for _ in range(2):
        async with database.transaction() as session:
            await count_figures(session)
    async with database.reading() as session:
        assert await list_figures(session) == []
    await database.dispose()
