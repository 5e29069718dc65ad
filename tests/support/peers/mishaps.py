"""What goes wrong at a failing peer, drawn by a seed, and the peer's own record of what it took.

The draw depends on the object and on how often it has come, not on the clock, so a run can be repeated.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOPELESS = "hopeless: always C000"


class Dice:
    """Draws one mishap, or none (""), by its probability."""

    def __init__(self, seed: int, hopeless: float) -> None:
        self._seed, self._hopeless = seed, hopeless

    def share(self, *what: object) -> float:
        """A number in [0, 1) that stands for `what`."""
        digest = hashlib.sha256("/".join(map(str, (self._seed, *what))).encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    def draw(self, chances: Mapping[str, float], *what: object) -> str:
        """One of `chances`, or ""."""
        rest = self.share(*what)
        for name, chance in chances.items():
            if rest < chance:
                return name
            rest -= chance
        return ""

    def is_hopeless(self, uid: str) -> bool:
        """Whether this object is refused for ever."""
        return self.share("hopeless", uid) < self._hopeless


class Record:
    """Every object that came, in a file of one JSON line each: its UID, its digest, what was done with it.

    held: digest by UID of what was taken for good; each is taken once, as a PACS keeps one object of a UID.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._came: Counter[str] = Counter()
        self.held: dict[str, str] = {}

    def came(self, uid: str) -> int:
        """How often this object has come, this time included."""
        with self._lock:
            self._came[uid] += 1
            return self._came[uid]

    def note(self, what: str, uid: str = "", dataset: bytes = b"", *, keep: bool = False) -> bool:
        """Write down one event; with `keep` the object is taken first. Whether it was there before."""
        digest = hashlib.sha256(dataset).hexdigest() if uid else ""
        with self._lock:
            known = uid in self.held
            if keep and not known:
                self.held[uid] = digest
            line = {"what": what, "uid": uid, "digest": digest, "kept": keep and not known, "again": known}
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        return known


def read_record(path: Path) -> list[dict[str, Any]]:
    """The lines of a record."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def dataset_of(file: bytes) -> bytes:
    """A Part 10 file without preamble and file meta information (PS3.10 7.1): what C-STORE carries."""
    return file[144 + int.from_bytes(file[140:144], "little") :]
