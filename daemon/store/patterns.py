"""Patterns with wildcards (PS3.4 C.2.2.2.4) as SQL, for SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement


def like(column: ColumnElement[Any], pattern: str, dialect: str) -> ColumnElement[bool]:
    """The pattern's "*" and "?" are GLOB's; LIKE would take SQLite's letters of either case for the same."""
    if dialect == "sqlite":
        return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")
