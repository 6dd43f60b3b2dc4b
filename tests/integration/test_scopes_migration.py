"""Keys of before scopes: a system's keeps what a portal does and no more, a person's stays."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from app.migrations.run import upgrade
from tests.support.revisions import before

SCOPES = "0004"


def test_keys_of_before_keep_what_a_portal_does(empty_database_url: str) -> None:
    upgrade(empty_database_url, before(SCOPES))
    engine = create_engine(empty_database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO agency (id, code, name, name_en, tax_code, address, phone,"
                " return_origins, created_at) VALUES ('a', 'a', 'A', 'A', '1', 'x', '1', '{}',"
                " now())"
            )
        )
        connection.execute(
            text(
                "INSERT INTO staff_user (id, agency_id, email, name, password_hash, roles,"
                " created_at) VALUES ('s', 'a', 's@example.vn', 'S', '-', '{chief}', now())"
            )
        )
        connection.execute(
            text(
                "INSERT INTO api_key (id, agency_id, kind, staff_id, label, hash, created_at,"
                " revoked_at) VALUES ('k1', 'a', 'system', NULL, 'portal', 'h1', now(), NULL),"
                " ('k2', 'a', 'system', NULL, 'gone', 'h2', now(), now()),"
                " ('k3', 'a', 'person', 's', 'chief', 'h3', now(), NULL)"
            )
        )
    upgrade(empty_database_url, SCOPES)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id, scopes FROM api_key ORDER BY id"))
        assert {row.id: row.scopes for row in found} == {
            "k1": ["bills", "receipts:read"],
            "k2": ["bills", "receipts:read"],
            "k3": [],
        }
    for wrong in (
        "UPDATE api_key SET scopes = '{}' WHERE id = 'k1'",
        "UPDATE api_key SET scopes = '{bills}' WHERE id = 'k3'",
        "UPDATE api_key SET scopes = NULL WHERE id = 'k1'",
    ):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text(wrong))
    engine.dispose()
