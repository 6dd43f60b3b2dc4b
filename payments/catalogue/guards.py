"""What the database itself watches over in the catalogue, as SQL for the migration.

Two things cannot be left to the code that writes: that a fee never has two prices on one day, and
that everyone who remembers prices hears of a change. `models` lets `create_all` run the same text,
so that a fresh schema and a migrated one are equal.
"""

#: Fees of one owner (an agency, or '' for the nation) and one code never overlap in time.
#: An exclusion constraint needs an operator that GiST can index. For text that is the extension
#: btree_gist, which the embedded server does not ship; a range of text needs none: [x, x] and
#: [y, y] overlap exactly when x = y. The collation "C" makes equality that of the bytes.
CREATE_FEE_GUARDS = (
    'CREATE TYPE text_range AS RANGE (subtype = text, collation = "C")',
    """
    ALTER TABLE fee ADD CONSTRAINT ex_fee_validity EXCLUDE USING gist (
        text_range(coalesce(agency_id, ''), coalesce(agency_id, ''), '[]') WITH &&,
        text_range(code, code, '[]') WITH &&,
        daterange(valid_from, valid_to, '[]') WITH &&
    )
    """,
)

#: A new stamp whenever a statement touches a procedure or a fee, in the same transaction: who
#: holds prices under the old stamp learns by one cheap read that they are out of date. A random
#: stamp, not a counter: a restored or emptied database cannot come back to one already seen.
CREATE_STAMP_GUARDS = (
    """
    CREATE FUNCTION stamp_catalogue() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO catalogue_stamp (id, stamp) VALUES (1, CAST(gen_random_uuid() AS text))
        ON CONFLICT (id) DO UPDATE SET stamp = excluded.stamp;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER stamp_procedure AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON procedure
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_catalogue()
    """,
    """
    CREATE TRIGGER stamp_fee AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON fee
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_catalogue()
    """,
)

#: What a migration executes, in order, once `procedure`, `fee` and `catalogue_stamp` are there.
CREATE_GUARDS = CREATE_FEE_GUARDS + CREATE_STAMP_GUARDS


def _no_overlap(table: str, *names: str) -> str:
    """Rows of one name (a code and its owner) never overlap in time."""
    equal = ", ".join(f"text_range({name}, {name}, '[]') WITH &&" for name in names)
    return (
        f"ALTER TABLE {table} ADD CONSTRAINT ex_{table}_validity EXCLUDE USING gist ("
        f"{equal}, daterange(valid_from, valid_to, '[]') WITH &&)"
    )


#: The same for reliefs, which prices depend on like fees, …
CREATE_RELIEF_GUARDS = (
    _no_overlap("relief", "coalesce(agency_id, '')", "code"),
    """
    CREATE TRIGGER stamp_relief AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON relief
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_catalogue()
    """,
    # A unit that comes under another body collects by that body's schedule from then on.
    """
    CREATE TRIGGER stamp_agency AFTER UPDATE OF parent_id ON agency
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_catalogue()
    """,
)
#: … and for the budget index and the law, which no price depends on.
CREATE_SUB_ITEM_GUARDS = (_no_overlap("sub_item", "code"),)
#: What a body keeps of a fee is one figure on one day; no price depends on it.
CREATE_SHARE_GUARDS = (_no_overlap("fee_share", "coalesce(agency_id, '')", "code"),)
CREATE_LAW_GUARDS = (_no_overlap("legal_reference", "number", "issuer"),)

#: What a body offers decides what can be priced for it: who remembers prices hears of that too.
CREATE_OFFER_GUARDS = (
    """
    CREATE TRIGGER stamp_offers AFTER UPDATE OF offers ON agency
    FOR EACH STATEMENT EXECUTE FUNCTION stamp_catalogue()
    """,
)
DROP_OFFER_GUARDS = "DROP TRIGGER stamp_offers ON agency"

#: What a downgrade executes once `fee` is dropped, once `procedure` is, and once `relief` is.
DROP_FEE_GUARDS = "DROP TYPE text_range"
DROP_STAMP_GUARDS = "DROP FUNCTION stamp_catalogue()"
DROP_RELIEF_GUARDS = "DROP TRIGGER stamp_agency ON agency"
