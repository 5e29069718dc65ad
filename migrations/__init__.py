"""Alembic migrations of the ledger; applied by `thoraxd db upgrade` and at start."""
