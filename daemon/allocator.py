"""How much freed memory the daemon's process keeps: mallopt(3).

glibc gives threads that allocate at the same time arenas of their own, eight for each core, and what one request freed
in an arena is of no use to the next one in another. It also learns from a large block that was freed to keep the next
ones, up to 64 MB. After 3000 requests of all kinds (make fuzz) the process kept 160 MB more than before. The daemon's
threads wait for disks and networks: they contend for memory no more than two arenas can bear, and a large block is a
film, whose reading costs more than its pages.
"""

from __future__ import annotations

import ctypes

# malloc.h
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

ARENAS = 2
LARGE = 1024 * 1024  # bytes; such a block is the system's again as soon as it is freed


def keep_little() -> None:
    """Bound what this process keeps; before its first thread. Without glibc there is nothing to bound."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_ARENA_MAX, ARENAS)
    mallopt(_M_MMAP_THRESHOLD, LARGE)
