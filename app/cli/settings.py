"""What a command takes from the environment, or ends without."""

from app.cli.console import fail
from core.errors import LephiError
from core.settings import Settings, load


def settings_or_fail(*, code: int = 1) -> Settings:
    """The settings of the environment; ends with every fault, and `code`, if they are wrong."""
    try:
        return load()
    except LephiError as error:
        fail(error, code=code)


def database_url_or_fail(settings: Settings) -> str:
    """The database's SQLAlchemy URL; ends where none is named."""
    if settings.database_url is None:
        fail("LEPHI_DATABASE_URL is not set: name a PostgreSQL database.")
    return settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1)
