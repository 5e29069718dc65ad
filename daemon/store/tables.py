"""Every table, whatever file declares it: what migrations are compared with."""

from __future__ import annotations

from daemon.store import schema_catalogue, schema_feedback, schema_orders, schema_worklist  # noqa: F401  declare tables
from daemon.store.schema import Base

__all__ = ["Base"]
