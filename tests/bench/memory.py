"""How much memory the receiver takes while eight senders bring it films of 10 MB.

Measured: the private memory (Private_Clean + Private_Dirty of /proc/PID/smaps_rollup) of the daemon's process, idle
after a warm-up film and at its highest while dcmsend's send. No worker runs: it is the receiver that is measured.
"""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tests.bench.runs import RunOption, console, end
from tests.support.builders import make_cxr, write
from tests.support.peers import processes
from tests.support.peers.dcmtk import dcmsend_parallel
from tests.support.peers.sender import send
from tests.support.system import Thoraxd

SENDERS = 8
ALLOWED_MB = 150.0
ROWS, COLUMNS = 2560, 2000  # at 16 bits 10.24 MB

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Watch(threading.Thread):
    """The highest private memory of a process, looked at every 20 ms."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._ending = pid, threading.Event()
        self.peak, self.looks = 0, 0

    def run(self) -> None:
        """Until `end`."""
        while not self._ending.wait(0.02):
            self.peak = max(self.peak, processes.private_bytes(self._pid))
            self.looks += 1

    def end(self) -> None:
        """Stop looking."""
        self._ending.set()
        self.join()


def films(folder: Path, count: int) -> list[Path]:
    """`count` noise films of 10.24 MB, all different studies."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 4096, (ROWS, COLUMNS), dtype=np.uint16)
    return [write(make_cxr(pixels=np.roll(noise, n)), folder / f"{n:03d}.dcm") for n in range(count)]


@app.command()
def main(
    run: RunOption = Path("bench-out/memory"),
    each: Annotated[int, typer.Option(help="films a sender brings")] = 8,
) -> None:
    """The peak is within 150 MB of idle."""
    if run.exists():
        shutil.rmtree(run)
    paths = films(run / "films", SENDERS * each)
    nobody = {"broker": {"url": "redis://127.0.0.1:1/0"}}
    with Thoraxd(run.resolve() / "thoraxd", workers=0, settings=nobody) as thoraxd:
        send(thoraxd.port, [make_cxr()])
        time.sleep(2)
        idle = processes.private_bytes(thoraxd.daemon_pid)
        watch = Watch(thoraxd.daemon_pid)
        watch.start()
        started = time.monotonic()
        dcmsend_parallel(paths, thoraxd.port, SENDERS)
        seconds = time.monotonic() - started
        time.sleep(0.5)
        watch.end()
        received = len(thoraxd.ledger.views.study_uids()) - 1
    rise = (watch.peak - idle) / 1e6
    console.print(
        f"{received} of {len(paths)} films of {ROWS * COLUMNS * 2 / 1e6:.1f} MB by {SENDERS} senders, {seconds:.1f} s: "
        f"idle {idle / 1e6:.0f} MB, peak {watch.peak / 1e6:.0f} MB, rise {rise:.0f} MB ({watch.looks} looks)",
        highlight=False,
    )
    misses = [f"the peak is {rise:.0f} MB above idle"] if rise > ALLOWED_MB else []
    misses += [f"{len(paths) - received} films did not arrive"] if received != len(paths) else []
    shutil.rmtree(run)
    end(misses, f"the peak is within {ALLOWED_MB:.0f} MB of idle")


if __name__ == "__main__":
    app()
