"""Alembic's entry: runs on the connection that daemon/store/migrate.py hands over."""

from __future__ import annotations

from alembic import context

from daemon.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
