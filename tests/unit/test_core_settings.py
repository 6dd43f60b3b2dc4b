import os
import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.errors import LephiError
from core.settings import DEMO_MARKER, Settings, SettingsError, load, variable_of
from core.settings_listing import listing

CANARY = "canary-hunter2"
PRODUCTION = {
    "LEPHI_DATABASE_URL": f"postgresql://lephi:{CANARY}@db.internal/lephi",
    "LEPHI_BASE_URL": "https://phi.example.vn",
}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith("LEPHI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def given(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def faults(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> dict[str, str]:
    """The fault of each variable that `load` complains of."""
    given(monkeypatch, variables)
    with pytest.raises(SettingsError) as caught:
        load()
    assert len(caught.value.detail.splitlines()) == len(caught.value.errors) + 1
    assert all(error.field in caught.value.detail for error in caught.value.errors)
    return {error.field: error.code for error in caught.value.errors}


def test_the_demo_starts_with_nothing_set_but_its_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, {"LEPHI_MODE": "demo"})
    settings = load()
    assert settings.mode == "demo"
    assert settings.database_url is None
    assert settings.host == "127.0.0.1"
    assert settings.field_key_file == Path("var/data/keys/field.key")


def test_production_is_the_default_and_needs_a_database_and_https(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert faults(monkeypatch, {}) == {
        "LEPHI_DATABASE_URL": "required",
        "LEPHI_BASE_URL": "not_https",
    }


def test_production_starts_with_a_database_and_https(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, PRODUCTION | {"LEPHI_BASE_URL": "https://phi.example.vn/"})
    settings = load()
    assert settings.mode == "production"
    assert settings.base_url == "https://phi.example.vn"


def test_every_fault_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "LEPHI_DATABASE_URL": "mysql://db/lephi",
        "LEPHI_BASE_URL": "http://phi.example.vn",
        "LEPHI_SANDBOX_URL": "http://127.0.0.1:9000",
        "LEPHI_FAILPOINTS": "bill.after_commit=kill",
        "LEPHI_PORT": "eighty",
        "LEPHI_POOL_SIZE": "0",
        "LEPHI_LOG_LEVEL": "loud",
        "LEPHI_HOST": "not a host",
        "LEPHI_DATABSE_URL": "misspelt",
    }
    assert faults(monkeypatch, wrong).keys() == wrong.keys()


def test_a_wrong_mode_hides_no_other_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults(monkeypatch, {"LEPHI_MODE": "prod", "LEPHI_PORT": "70000"})
    assert found.keys() >= {"LEPHI_MODE", "LEPHI_PORT", "LEPHI_DATABASE_URL", "LEPHI_BASE_URL"}


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("LEPHI_FAILPOINTS", "bill.after_commit=kill", "not_in_production"),
        ("LEPHI_SANDBOX_URL", "https://sandbox.example.vn", "not_in_production"),
        ("LEPHI_BASE_URL", "http://phi.example.vn", "not_https"),
        ("LEPHI_DATABASE_URL", "", "required"),
        ("LEPHI_DATABASE_URL", "postgresql://lephi:demo@db/lephi", "demo_secret"),
        ("LEPHI_DATABASE_URL", "postgresql://lephi:Change%6De@db/lephi", "demo_secret"),
    ],
)
def test_production_refuses_what_belongs_to_a_demo(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, code: str
) -> None:
    assert faults(monkeypatch, PRODUCTION | {variable: value}) == {variable: code}


def test_a_demo_may_have_what_production_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    given(
        monkeypatch,
        {
            "LEPHI_MODE": "demo",
            "LEPHI_FAILPOINTS": "bill.after_commit=kill:3",
            "LEPHI_SANDBOX_URL": "http://127.0.0.1:9000",
            "LEPHI_DATABASE_URL": "postgresql://postgres:@/postgres?host=/run/pg",
        },
    )
    assert load().failpoints == "bill.after_commit=kill:3"


def test_production_refuses_keys_that_a_demo_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "demo" / "keys"
    keys.mkdir(parents=True)
    (keys / DEMO_MARKER).touch()
    for variable, path in {
        "LEPHI_DATA_DIR": tmp_path / "demo",
        "LEPHI_FIELD_KEY_FILE": keys / "field.key",
        "LEPHI_SIGNING_DIR": keys / "signing",
    }.items():
        with pytest.MonkeyPatch.context() as patch:
            found = faults(patch, PRODUCTION | {variable: str(path)})
            assert found[variable] == "demo_secret"
    given(monkeypatch, {"LEPHI_MODE": "demo", "LEPHI_DATA_DIR": str(tmp_path / "demo")})
    assert load().data_dir == tmp_path / "demo"


def test_keys_lie_in_the_data_folder_unless_they_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given(
        monkeypatch,
        PRODUCTION
        | {"LEPHI_DATA_DIR": "/srv/lephi", "LEPHI_FIELD_KEY_FILE": "/etc/lephi/field.key"},
    )
    settings = load()
    assert settings.field_key_file == Path("/etc/lephi/field.key")
    assert settings.signing_dir == Path("/srv/lephi/keys/signing")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("phi.example.vn", "not_a_url"),
        ("ftp://phi.example.vn", "not_a_url"),
        ("https://", "not_a_url"),
        ("https://phi.example.vn:99999", "not_a_url"),
        ("https://[::1", "not_a_url"),
        ("https://phi.example.vn/path", "not_an_origin"),
        ("https://phi.example.vn?x=1", "not_an_origin"),
        ("https://user@phi.example.vn", "not_an_origin"),
    ],
)
def test_an_address_is_scheme_host_and_port(
    monkeypatch: pytest.MonkeyPatch, value: str, code: str
) -> None:
    assert faults(monkeypatch, PRODUCTION | {"LEPHI_BASE_URL": value}) == {"LEPHI_BASE_URL": code}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("*", "not_an_address"),
        ("proxy.example.vn", "not_an_address"),
        ("10.1.2.3/16", "not_an_address"),
        ("10.0.0.1, 0.0.0.0/0", "too_wide"),
        ("::/0", "too_wide"),
    ],
)
def test_only_proxies_of_our_own_are_believed(
    monkeypatch: pytest.MonkeyPatch, value: str, code: str
) -> None:
    wrong = PRODUCTION | {"LEPHI_TRUSTED_PROXIES": value}
    assert faults(monkeypatch, wrong) == {"LEPHI_TRUSTED_PROXIES": code}


@pytest.mark.parametrize(
    ("value", "told"),
    [("none", ""), ("10.1.0.0/16, ::1 ", "10.1.0.0/16,::1"), ("", "127.0.0.1")],
)
def test_proxies_are_named_by_address_or_network(
    monkeypatch: pytest.MonkeyPatch, value: str, told: str
) -> None:
    given(monkeypatch, PRODUCTION | {"LEPHI_TRUSTED_PROXIES": value})
    assert load().trusted_proxies == told


@pytest.mark.parametrize("text", ["x=kill", "bill.after_commit=boom", "{detail}={"])
def test_faulty_failpoints_are_refused_in_any_mode(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    wrong = {"LEPHI_MODE": "test", "LEPHI_FAILPOINTS": text}
    assert faults(monkeypatch, wrong) == {"LEPHI_FAILPOINTS": "invalid_failpoints"}


@pytest.mark.parametrize("name", ["LEPHI_DATABSE_URL", "lephi_prot", "LEPHI_"])
def test_a_misspelt_variable_is_reported(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert faults(monkeypatch, PRODUCTION | {name: "x"}) == {name: "unknown"}


def test_variables_read_elsewhere_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, PRODUCTION | {"LEPHI_DEMO_PORT": "1", "LEPHI_TEST_DATABASE_URL": "x"})
    assert load().port == 8000


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, PRODUCTION)
    settings = load()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]  # the fault under test


def test_no_secret_is_in_what_is_shown_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, PRODUCTION)
    settings = load()
    assert CANARY in str(settings.database_url)
    shown = f"{settings!r} {settings} {listing(settings)}"
    assert CANARY not in shown
    assert "phi.example.vn" in shown


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LEPHI_DATABASE_URL", f"mysql://lephi:{CANARY}@db/lephi"),
        ("LEPHI_DATABASE_URL", f"postgresql://lephi:{CANARY}@[::1"),
        ("LEPHI_BASE_URL", f"https://user:{CANARY}@phi.example.vn"),
        ("LEPHI_DATABSE_URL", f"postgresql://lephi:{CANARY}@db/lephi"),
    ],
)
def test_no_secret_is_in_the_report_of_faults(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    given(monkeypatch, PRODUCTION | {variable: value})
    with pytest.raises(SettingsError) as caught:
        load()
    assert isinstance(caught.value, LephiError)
    assert variable in str(caught.value)
    assert CANARY not in f"{caught.value} {caught.value.errors}"
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_every_setting_is_listed_with_its_variable_and_what_it_is_for() -> None:
    rows = listing(Settings(mode="test"))
    assert [row.variable for row in rows] == [variable_of(name) for name in Settings.model_fields]
    assert all(row.description for row in rows)
    assert rows[0].value == "test"
