"""What the database itself watches over at a market, as SQL for the migration.

Two vendors never hold one stall on one day, and a kind of place never has two prices on one day: no
code that writes can be trusted with that alone. `text_range` is the catalogue's (see there why).
"""


def _never_twice(table: str, days: tuple[str, str], *names: str) -> str:
    """Rows that are alike in `names` never overlap in time."""
    equal = ", ".join(f"text_range({name}, {name}, '[]') WITH &&" for name in names)
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT ex_{table}_days EXCLUDE USING gist ("
        f"{equal}, daterange({days[0]}, {days[1]}, '[]') WITH &&)"
    )


#: What a migration executes once the tables of 0056 are there.
CREATE_MARKET_GUARDS = (
    _never_twice("stall_contract", ("first_on", "last_on"), "stall_id"),
    _never_twice(
        "stall_tariff",
        ("valid_from", "valid_to"),
        *("agency_id", "CAST(market_class AS text)", "kind"),
    ),
    _never_twice("charge_tariff", ("valid_from", "valid_to"), "market_id", "kind", "code"),
)
