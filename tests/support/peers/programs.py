"""Starting and stopping one real program: its own log file, a readiness check, an end by pid."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

# Where Debian puts programs that are not on every PATH.
_ELSEWHERE = ("/usr/sbin", *(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))


class ProgramMissing(RuntimeError):
    """A Debian program is not installed; the message names it. Fixtures turn this into a visible skip."""


def find(program: str) -> str:
    """The program's path. Raises ProgramMissing."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *_ELSEWHERE))
    found = shutil.which(program, path=path)
    if found is None:
        raise ProgramMissing(f"{program} is not installed (tests/support/install.sh installs it on Debian)")
    return found


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], patience_s: float, what: str, every_s: float = 0.05) -> None:
    """Return as soon as `condition()` is true. Raises TimeoutError naming `what`."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {patience_s:g} s")
        time.sleep(every_s)


def listens(port: int) -> bool:
    """Whether somebody accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program; what it writes is appended to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM, grace_s: float = 30.0) -> int:
    """End one program that was started here; -9 after `grace_s`. Its exit code."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    ready: Callable[[], object],
    *,
    patience_s: float = 30.0,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    end_by: int = signal.SIGTERM,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program from the moment it is ready until the block ends. Raises RuntimeError when it ends before."""
    process = start(command, log, environment, user=user)

    def ready_or_dead() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
        return bool(ready())

    try:
        wait_until(ready_or_dead, patience_s, f"start of {command[0]}")
        yield process
    finally:
        stop(process, end_by)
