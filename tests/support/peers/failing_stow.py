"""A STOW-RS origin server that fails at random: in HTTP, in its connections, in what it says of each object.

`python -m tests.support.peers.failing_stow PORT RECORD SEED TROUBLE`: TROUBLE scales every chance, 0: healthy.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.peers.failing_dimse import (
    CANNOT_UNDERSTAND,
    DOWN_S,
    DUPLICATE,
    HOPELESS_SHARE,
    SILENT_S,
    SLOW_S,
    UP_S,
)
from tests.support.peers.mishaps import HOPELESS, Dice, Record, dataset_of
from tests.support.peers.stow_server import Exchange, StowServer, module

# Of one request.
ON_REQUEST = {
    "HTTP 503": 0.02,
    "HTTP 429": 0.01,
    "HTTP 500": 0.01,
    "HTTP 413": 0.01,
    "HTTP 409 without a payload": 0.01,
    "closed in the request": 0.02,
    "not kept, then closed": 0.01,
    "kept, then closed": 0.01,
    "kept, and the answer cut": 0.01,
    "kept, and the answer is no JSON": 0.01,
    "kept, and silent": 0.002,
    "silent, not kept": 0.002,
    "slow": 0.01,
}
# Of one object.
REASONS = {"A700": 0.03, "A900": 0.02, "C000": 0.02, "0110": 0.02, "B000": 0.004, "not named, not kept": 0.01}
_STATUS_OF = {"HTTP 503": 503, "HTTP 429": 429, "HTTP 500": 500, "HTTP 413": 413, "HTTP 409 without a payload": 409}


class Failing:
    """The script of such a server."""

    def __init__(self, record: Record, dice: Dice, trouble: float) -> None:
        self._record, self._dice, self._trouble = record, dice, trouble

    def __call__(self, _: StowServer, exchange: Exchange) -> None:
        """One Store request."""
        mishap = self._draw(ON_REQUEST, "request", exchange.number)
        if mishap == "closed in the request":
            exchange.read_half()
            self._record.note(mishap)
            exchange.hang_up()
            return
        files = exchange.read()
        for uid in files:
            self._record.came(uid)
        if mishap in ("", "slow"):
            time.sleep(SLOW_S if mishap else 0.0)
            exchange.answer(*self._each(files, exchange.number, mishap or "taken"))
            return
        for uid, file in files.items():
            keep = mishap.startswith("kept") and not self._dice.is_hopeless(uid)
            self._record.note(mishap, uid, dataset_of(file), keep=keep)
        self._end(exchange, mishap, module(files))

    def _draw(self, chances: Mapping[str, float], *what: object) -> str:
        return self._dice.draw({name: chance * self._trouble for name, chance in chances.items()}, *what)

    def _end(self, exchange: Exchange, mishap: str, body: bytes) -> None:
        """The request as a whole goes wrong."""
        if mishap in _STATUS_OF:
            exchange.answer(_STATUS_OF[mishap], Retry_After="0")
        elif mishap.endswith("cut"):
            exchange.answer(200, body, cut=9)
        elif mishap.endswith("no JSON"):
            exchange.answer(200, body[:-9])
        else:
            time.sleep(SILENT_S if "silent" in mishap else 0.0)
            exchange.hang_up()

    def _each(self, files: Mapping[str, bytes], number: int, otherwise: str) -> tuple[int, bytes]:
        """Status and payload, object by object; `otherwise` is what goes into the record of those that are taken."""
        stored, failed, warned = [], {}, {}
        for uid, file in files.items():
            reason = HOPELESS if self._dice.is_hopeless(uid) else self._draw(REASONS, "object", uid, number)
            known = self._record.note(reason or otherwise, uid, dataset_of(file), keep=reason in ("", "B000"))
            if reason == HOPELESS:
                failed[uid] = CANNOT_UNDERSTAND
            elif reason == "B000" and not known:
                warned[uid] = 0xB000
            elif known and self._dice.share("again", uid) < 0.5:
                failed[uid] = DUPLICATE
            elif reason in ("", "B000"):
                stored.append(uid)
            elif reason != "not named, not kept":
                failed[uid] = int(reason, 16)
        status = 200 if len(stored) == len(files) else 202 if stored or warned else 409
        return status, module(stored, failed, warned)


def run(port: int, record: Record, seed: int, trouble: float, wait: Callable[[float], None] = time.sleep) -> None:
    """Listen and go down in turn, for ever."""
    chance = random.Random(seed)
    server = StowServer(Failing(record, Dice(seed, HOPELESS_SHARE * trouble), trouble), port=port)
    while True:
        server.start()
        wait(chance.uniform(*UP_S) if trouble else 3600)
        server.stop()
        record.note("refuses connections")
        wait(chance.uniform(*DOWN_S))


if __name__ == "__main__":
    run(int(sys.argv[1]), Record(Path(sys.argv[2])), int(sys.argv[3]), float(sys.argv[4]))
