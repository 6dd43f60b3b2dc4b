"""`lephi worker`."""

from app.cli.console import WithParent
from app.cli.settings import database_url_or_fail, settings_or_fail
from app.cli.wired import with_parts
from app.processes import end_with_parent
from app.worker import run_until_told


def worker(with_parent: WithParent = 0) -> None:
    """Issue receipts, ask gateways, close what is over, chain the audit log; until told to stop."""
    if with_parent:
        end_with_parent(with_parent)
    settings = settings_or_fail()
    database_url_or_fail(settings)
    with_parts(run_until_told, settings)
