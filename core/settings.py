"""Every setting, read once from environment variables with the prefix LEPHI_.

One frozen object. `load` reports everything wrong at once, including a misspelt variable, so a
deployment is put right in one go. Production is the default mode, and the strict one: what is
harmless in a demo (no database named, failpoints, keys a demo made) stops a production start.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core import failpoints
from core.errors import FieldError, Invalid, LephiError

PREFIX = "LEPHI_"

#: A file of this name in a folder says that the keys in it were made for a demo.
DEMO_MARKER = "DEMO"

#: Variables with our prefix that are read elsewhere: options of `lephi demo`, tests, benchmarks,
#: the password of whoever is at the command line.
_OTHERS = ("LEPHI_DEMO_", "LEPHI_TEST_", "LEPHI_BENCH_", "LEPHI_USER_")

#: Passwords that guard nothing.
_WELL_KNOWN = frozenset({"changeme", "demo", "lephi", "password", "postgres", "secret", "test"})

_SCHEMES = ("postgresql", "postgresql+psycopg")
_HOST = re.compile(r"[A-Za-z0-9.:\-]+")
_DATA_DIR = Path("var/data")

Mode = Literal["production", "demo", "test"]
LogLevel = Literal["debug", "info", "warning", "error"]


class SettingsError(LephiError):
    """The settings do not allow a start: put right every line of the message."""

    title = "Wrong settings"
    code = "settings"


def _in_keys(name: str) -> Any:
    return lambda data: data.get("data_dir", _DATA_DIR) / "keys" / name


def _in_data(name: str) -> Any:
    return lambda data: data.get("data_dir", _DATA_DIR) / name


class Settings(BaseSettings):
    """The settings of one process. No secret is in its repr; `mode` comes first, others ask it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        validate_default=True,
    )

    mode: Mode = Field("production", description="production, demo or test; production is strict")
    database_url: str | None = Field(
        None,
        repr=False,
        description="PostgreSQL to use, postgresql://…; a demo or test without it starts its own",
    )
    data_dir: Path = Field(_DATA_DIR, description="folder for keys, statements and stored files")
    host: str = Field("127.0.0.1", description="address the server listens on")
    port: int = Field(8000, ge=0, le=65535, description="port the server listens on; 0 for any")
    base_url: str = Field(
        "http://127.0.0.1:8000",
        description="address others reach the service by, without a path; https in production",
    )
    hosts: str = Field(
        "",
        description="further names the service is asked under, with commas between them, as where"
        " a proxy puts its own in the place of the name in base_url",
    )
    trusted_proxies: str = Field(
        "127.0.0.1",
        description="addresses or networks of your own proxies, with commas between them: what they"
        " say of where a request comes from is believed; none for none",
    )
    webhook_loopback: bool = Field(
        False,
        description="whether webhooks may go to this machine, by plain HTTP too; not in production",
    )
    sandbox_url: str | None = Field(
        None, description="address of the sandbox that plays the gateways; not in production"
    )
    log_level: LogLevel = Field("info", description="debug, info, warning or error")
    failpoints: str = Field(
        "", description="places to kill, break or stall for crash tests; not in production"
    )
    field_key_file: Path = Field(
        default_factory=_in_keys("field.key"),
        description="key that encrypts personal data and gateway credentials at rest",
    )
    signing_dir: Path = Field(
        default_factory=_in_keys("signing"),
        description="folder of signing-key.pem, signing.pem and chain.pem, which sign receipts",
    )
    signing_secret: str | None = Field(
        None, repr=False, description="passphrase of the signing key, or PIN of its token"
    )
    page_bill_hours: int = Field(
        24,
        ge=1,
        le=8760,
        description="hours after which a bill that a citizen opened on a page expires; money that"
        " comes later still pays it",
    )
    calendar_file: Path | None = Field(
        None,
        description="TOML file of days off and days worked that the calendar lacks, and of the"
        " years whose Tết is announced (docs/reconcile.md)",
    )
    pool_size: int = Field(
        16,
        ge=1,
        le=200,
        description="database connections of one process; opening bills may take as many again",
    )

    request_seconds: float = Field(
        10,
        ge=1,
        le=300,
        description="seconds after which a request is given up and answered 503, unless its route"
        " or its gateway says otherwise",
    )
    connections: int = Field(
        4000,
        ge=10,
        le=100_000,
        description="connections that lephi serve holds at once; over it, those are closed that"
        " have not sent a whole request for longest",
    )
    connections_per_address: int = Field(
        100,
        ge=0,
        le=100_000,
        description="connections from one address; 0 for any number; none counts from this machine,"
        " where the proxy is",
    )

    behind_pooler: bool = Field(
        False, description="whether the database is reached through PgBouncer, transaction mode"
    )
    runtime_role: str | None = Field(
        None,
        pattern=r"^[a-z_][a-z0-9_]{0,62}$",
        description="database role of serve and worker, which owns nothing; migrate grants it what"
        " they need",
    )
    operator_key: str | None = Field(
        None,
        repr=False,
        min_length=16,
        description="opens /metrics, /docs and the OpenAPI document, as a bearer token or as the"
        " password of basic authentication; without it they are closed in production",
    )
    anchor_dir: Path = Field(
        default_factory=_in_data("anchors"),
        description="folder, best on another machine, for the signed ends of the audit chain",
    )
    anchor_hours: int = Field(24, ge=1, le=168, description="hours between two anchors")
    anchor_mail_to: str | None = Field(
        None, description="address that each anchor is sent to; needs smtp_url"
    )
    anchor_tsa_url: str | None = Field(
        None, description="address of a time stamp authority (RFC 3161) that stamps each anchor"
    )
    anchor_tsa_roots: Path | None = Field(
        None, description="PEM file of the certificates above the authority's; with anchor_tsa_url"
    )
    mail_from: str = Field("lephi@localhost", description="sender of our e-mail")
    smtp_url: str | None = Field(
        None,
        repr=False,
        description="mail server, smtp://user:password@host:port (STARTTLS where it offers it) or"
        " smtps://…",
    )

    two_people: bool = Field(
        default_factory=lambda data: data.get("mode", "production") == "production",
        description="whether secrets, keys, people, accounts and gateways take two people to"
        " change; always in production",
    )

    @field_validator("two_people")
    @classmethod
    def _check_two_people(cls, value: bool, info: ValidationInfo) -> bool:
        if not value and _strict(info):
            raise _fault("not_in_production", "must not be off in production")
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            if _strict(info):
                # An empty database of its own would number receipts from 1 again.
                raise _fault("required", "is required in production")
            return None
        try:
            parts = urlsplit(value)
            password = unquote(parts.password or "")
        except ValueError:
            raise _fault("not_a_url", "is not a URL") from None
        if parts.scheme not in _SCHEMES:
            raise _fault("not_postgresql", "must begin with postgresql://")
        if _strict(info) and password.lower() in _WELL_KNOWN:
            raise _fault("demo_secret", "has a password that everyone knows")
        return value

    @field_validator("data_dir")
    @classmethod
    def _check_data_dir(cls, value: Path, info: ValidationInfo) -> Path:
        return _refuse_demo(value, value, info)

    @field_validator("field_key_file", "signing_dir")
    @classmethod
    def _check_key_place(cls, value: Path, info: ValidationInfo) -> Path:
        return _refuse_demo(value, value.parent, info)

    @field_validator("host")
    @classmethod
    def _check_host(cls, value: str) -> str:
        if _HOST.fullmatch(value) is None:
            raise _fault("not_a_host", "must be a host name or an address")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_trusted_proxies(cls, value: str) -> str:
        if value == "none":
            return ""
        try:
            named = [ip_network(part) for one in value.split(",") if (part := one.strip())]
        except ValueError:
            raise _fault(
                "not_an_address", "must be addresses or networks, as 10.1.0.0/16"
            ) from None
        if any(network.prefixlen == 0 for network in named):
            # Then anybody says where they come from.
            raise _fault("too_wide", "must not be every address there is")
        return ",".join(
            str(one.network_address if one.num_addresses == 1 else one) for one in named
        )

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str, info: ValidationInfo) -> str:
        return _check_address(value, "https" if _strict(info) else None)

    @field_validator("webhook_loopback")
    @classmethod
    def _check_webhook_loopback(cls, value: bool, info: ValidationInfo) -> bool:
        if value and _strict(info):
            raise _fault("not_in_production", "must not be on in production")
        return value

    @field_validator("sandbox_url")
    @classmethod
    def _check_sandbox_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        if _strict(info):
            raise _fault("not_in_production", "must not be set in production")
        return _check_address(value, None)

    @field_validator("smtp_url")
    @classmethod
    def _check_smtp_url(cls, value: str | None) -> str | None:
        if value is not None and not _is_url(value, "smtp", "smtps"):
            raise _fault("not_a_url", "must be smtp://host:port or smtps://host:port")
        return value

    @field_validator("anchor_tsa_url")
    @classmethod
    def _check_anchor_tsa_url(cls, value: str | None) -> str | None:
        if value is not None and not _is_url(value, "http", "https"):
            raise _fault("not_a_url", "must be a URL that begins with https:// or http://")
        return value

    @field_validator("anchor_tsa_roots")
    @classmethod
    def _check_anchor_tsa_roots(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        # Without them anybody's stamp would do.
        if (value is None) != (info.data.get("anchor_tsa_url") is None):
            raise _fault("not_alone", "must be set where anchor_tsa_url is, and only there")
        return value

    @field_validator("failpoints")
    @classmethod
    def _check_failpoints(cls, value: str, info: ValidationInfo) -> str:
        if value and _strict(info):
            raise _fault("not_in_production", "must not be set in production")
        try:
            failpoints.check(value)
        except Invalid as error:
            raise _fault(error.code, error.detail) from None
        return value


def load() -> Settings:
    """The settings of this process, from its environment.

    An empty variable counts as unset. Raises `SettingsError` with one line for everything that is
    wrong, by variable; values that may hold a secret are never quoted.
    """
    faults = [
        FieldError(name, "unknown", "is not a setting (see lephi doctor)")
        for name in sorted(os.environ)
        if name.upper().startswith(PREFIX)
        and not name.upper().startswith(_OTHERS)
        and name.upper().removeprefix(PREFIX).lower() not in Settings.model_fields
    ]
    try:
        settings = Settings()
    except ValidationError as error:
        faults += [
            _describe(one)
            for one in error.errors(include_url=False, include_context=False)
            if one["type"] != "default_factory_not_called"  # only because another is wrong
        ]
        raise _refused(faults) from None
    if faults:
        raise _refused(faults)
    return settings


def variable_of(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


def _strict(info: ValidationInfo) -> bool:
    # A mode that is itself wrong is absent here: report what production would refuse as well.
    mode: str = info.data.get("mode", "production")
    return mode == "production"


def _refuse_demo(value: Path, folder: Path, info: ValidationInfo) -> Path:
    marked = (folder / DEMO_MARKER, folder / "keys" / DEMO_MARKER)
    if _strict(info) and any(marker.exists() for marker in marked):
        raise _fault("demo_secret", "holds keys that a demo made")
    return value


def _is_url(value: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _check_address(value: str, scheme: str | None) -> str:
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise _fault("not_a_url", "is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        raise _fault("not_a_url", "must be a URL that begins with https:// or http://")
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise _fault("not_an_origin", "must be scheme, host and port only")
    if scheme is not None and parts.scheme != scheme:
        raise _fault("not_https", "must begin with https:// in production")
    return value.rstrip("/")


def _fault(code: str, detail: str) -> PydanticCustomError:
    # Passed as a parameter: a brace in the detail would otherwise be taken for a placeholder.
    return PydanticCustomError(code, "{detail}", {"detail": detail})


def _describe(error: Mapping[str, Any]) -> FieldError:
    name = str(error["loc"][0])
    detail: str = error["msg"]
    given = str(error["input"])
    # An address can hold a password even where none belongs.
    if Settings.model_fields[name].repr and "@" not in given:
        detail = f"{detail} (it is {given[:80]!r})"
    return FieldError(variable_of(name), error["type"], detail)


def _refused(faults: list[FieldError]) -> SettingsError:
    lines = "\n".join(f"  {fault.field}: {fault.detail}" for fault in faults)
    return SettingsError(f"The settings are wrong:\n{lines}", errors=faults)
