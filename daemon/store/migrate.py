"""Bring a database to this version's schema, and say whether it is there (Alembic).

The migrations are code of the package `migrations`; there is no alembic.ini, since the URL is a setting of ours.
"""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from daemon.core.errors import StoreUnavailable
from daemon.store.database import told
from daemon.store.tables import Base

# Any number: daemon and workers that start together on PostgreSQL migrate one after the other.
_ADVISORY_LOCK = 0x7468_6F72


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    return config


def upgrade(engine: Engine) -> None:
    """Apply every migration that is missing. Raises StoreUnavailable."""
    config = _config()
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise StoreUnavailable(told(error)) from error


def revision(engine: Engine) -> tuple[str | None, str | None]:
    """(the database's revision, this version's newest). Raises StoreUnavailable."""
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision(), head()
    except DBAPIError as error:
        raise StoreUnavailable(told(error)) from error


def head() -> str | None:
    """This version's newest revision."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def drift(engine: Engine) -> list[object]:
    """Differences between the database and schema.py; empty when the migrations are complete."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "render_as_batch": True})
        return list(compare_metadata(context, Base.metadata))
