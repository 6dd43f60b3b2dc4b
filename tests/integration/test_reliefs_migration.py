"""Reliefs once a year of before 0009 stay as they are; a citizen's are counted from then on."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from app.migrations.run import upgrade
from tests.support.revisions import before, downgrade_to

BY_CITIZEN = "0009"

#: As the version before writes it, which may go on doing so while the schema is brought up to date.
OF_AN_ASSET = (
    "INSERT INTO relief_use (bill_id, relief, year, asset_hash, created_at)"
    " VALUES ('{bill}', 'r', 2026, 'h', now())"
)
OF_A_CITIZEN = (
    "INSERT INTO relief_use (bill_id, relief, year_from, citizen_hash, created_at)"
    " VALUES ('{bill}', 'r', '{first_day}', 'h', now())"
)


def test_uses_of_before_stay_and_a_citizen_has_one_in_a_year(empty_database_url: str) -> None:
    upgrade(empty_database_url, before(BY_CITIZEN))
    engine = create_engine(empty_database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO agency (id, code, name, name_en, tax_code, address, phone,"
                " return_origins, created_at) VALUES ('a', 'a', 'A', 'A', '1', 'x', '1', '{}',"
                " now())"
            )
        )
        for bill in ("b1", "b2", "b3", "b4"):
            connection.execute(
                text(
                    "INSERT INTO bill (id, agency_id, reference, status, amount, channel, language,"
                    " extra, created_at, opened_on) VALUES (:bill, 'a', :bill, 'open', 1, 'online',"
                    " 'vi', '{}', now(), '2026-11-22')"
                ),
                {"bill": bill},
            )
        connection.execute(text(OF_AN_ASSET.format(bill="b1")))
    upgrade(empty_database_url, BY_CITIZEN)
    with engine.begin() as connection:
        found = connection.execute(text("SELECT year, asset_hash, citizen_hash FROM relief_use"))
        assert [tuple(row) for row in found] == [(2026, "h", None)]
        connection.execute(text(OF_A_CITIZEN.format(bill="b2", first_day="2026-08-15")))
        connection.execute(text(OF_A_CITIZEN.format(bill="b3", first_day="2027-08-15")))
    for wrong in (
        OF_A_CITIZEN.format(bill="b4", first_day="2026-08-15"),
        OF_AN_ASSET.format(bill="b4"),
        "UPDATE relief_use SET citizen_hash = NULL, year_from = NULL WHERE bill_id = 'b2'",
        "UPDATE relief_use SET year_from = NULL WHERE bill_id = 'b2'",
        "UPDATE relief_use SET citizen_hash = 'x', year_from = '2026-08-15' WHERE bill_id = 'b1'",
    ):
        with pytest.raises(IntegrityError), engine.begin() as connection:
            connection.execute(text(wrong))
    with engine.begin() as connection:
        connection.execute(text("UPDATE relief_use SET released_at = now() WHERE bill_id = 'b2'"))
        connection.execute(text(OF_A_CITIZEN.format(bill="b4", first_day="2026-08-15")))
    downgrade_to(empty_database_url, before(BY_CITIZEN))
    with engine.connect() as connection:
        found = connection.execute(text("SELECT bill_id, year, asset_hash FROM relief_use"))
        assert [tuple(row) for row in found] == [("b1", 2026, "h")]
