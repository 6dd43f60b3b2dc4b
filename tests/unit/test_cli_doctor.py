"""What `lephi doctor` says of how the service is connected to its database."""

from pathlib import Path

import pytest

from app.cli.doctor import _check_connection, _Server
from core.settings import Settings


@pytest.mark.parametrize(
    ("here", "encrypted", "address", "mark"),
    [
        (True, False, "", "ok"),
        (False, False, "", "warn"),
        (False, True, "", "warn"),
        (False, True, "?sslmode=verify-full", "ok"),
    ],
)
def test_a_connection_that_others_could_read_or_be_is_named(
    tmp_path: Path, *, here: bool, encrypted: bool, address: str, mark: str
) -> None:
    url = f"postgresql://lephi@db.example.vn/lephi{address}"
    settings = Settings(mode="test", database_url=url, data_dir=tmp_path)
    found = _check_connection(_Server("15", "on", encrypted, here), settings)
    assert found.mark == mark


def test_in_production_a_plain_connection_is_a_fault(tmp_path: Path) -> None:
    url = "postgresql://lephi@db.example.vn/lephi"
    settings = Settings(mode="test", database_url=url, data_dir=tmp_path)
    real = settings.model_copy(update={"mode": "production"})
    plain = _Server("15", "on", encrypted=False, here=False)
    assert _check_connection(plain, real).mark == "FAULT"
    assert "sslmode=verify-full" in _check_connection(plain, real).detail
