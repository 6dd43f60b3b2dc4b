"""Statements in MT940 of our own making."""

ACCOUNT = "0011004567890"


def message(
    *fields: str,
    account: str = ACCOUNT,
    opening: int = 1_000_000,
    closing: int,
    number: str = "1/1",
) -> str:
    """One statement of 2/11/2026, from opening to closing balance."""
    return "\n".join(
        [
            ":20:SAOKE0211",
            f":25:{account}",
            f":28C:{number}",
            f":60F:C261101VND{opening},",
            *fields,
            f":62F:C261102VND{closing},",
            "-",
            "",
        ]
    )


def line(said: str, *text: str, ref: str = "NONREF//FT26306001") -> str:
    """A line of the day, with its text: side and amount as they stand, such as `CD5000,`."""
    told = [f":61:2611021102{said}NTRF{ref}"]
    return "\n".join([*told, *(f":86:{words}" for words in text)])


def interim(*fields: str, totals: tuple[str, ...] = ()) -> str:
    """An interim report, MT942."""
    head = [":20:TRONGNGAY", f":25:{ACCOUNT}", ":28C:1/1", ":34F:VND0,", ":13D:2611021600+0700"]
    return "\n".join([*head, *fields, *totals, "-", ""])
