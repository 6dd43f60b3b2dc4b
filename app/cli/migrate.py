"""`lephi migrate`."""

import typer
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from app.cli.console import Json, fail, show
from app.cli.settings import database_url_or_fail, settings_or_fail
from app.migrations.grants import grant
from app.migrations.run import upgrade
from core.errors import LephiError


def migrate(as_json: Json = False) -> None:
    """Bring the database of LEPHI_DATABASE_URL, as its owner, to the present schema.

    LEPHI_RUNTIME_ROLE is then granted what serve and worker need, and nothing else.
    """
    settings = settings_or_fail()
    url = database_url_or_fail(settings)
    try:
        steps = upgrade(url)
        if settings.runtime_role is not None:
            grant(url, settings.runtime_role)
    except LephiError as error:
        fail(error)
    except (SQLAlchemyError, CommandError) as error:
        fail(f"Migration failed, nothing of the failed step remains: {error}")
    if as_json:
        show({"applied": steps})
    else:
        typer.echo(f"Applied: {', '.join(steps)}" if steps else "Nothing to do.")
