"""Check before sending (interface only until helper "checker" writes it)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset

from daemon.conform.fault import Expected, Fault

__all__ = ["Expected", "Fault", "faults"]


def faults(ds: Dataset, sources: Sequence[Dataset] = (), expected: Expected | None = None) -> list[Fault]:
    return []
