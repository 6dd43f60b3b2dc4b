"""What runs of a day and its closing share: one name to wait for, and one refusal."""

from datetime import date

from core.errors import Conflict


class DayClosed(Conflict):
    """The day is closed and stays as it is: what turns up counts for the first open day."""

    code = "day_closed"


def run_lock(account_id: str, on: date) -> str:
    """The name under which runs of an account's day are stored, or the day is closed."""
    return f"reconciliation:{account_id}:{on}"


def check_open(last_closed: date | None, on: date) -> None:
    """Raise `DayClosed` for a day that is closed, or before one that is."""
    if last_closed is not None and on <= last_closed:
        raise DayClosed(f"Các ngày đến hết {last_closed:%d/%m/%Y} đã khóa sổ.")
