"""DCMTK's programs: echoscu, storescu and dcmsend as senders, storescp as a receiver.

TCP_NODELAY=1 because DCMTK's senders otherwise stall some 40 ms an instance on Nagle's algorithm.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.peers.programs import find, free_port, listens, running


def environment() -> dict[str, str]:
    """Ours, and no Nagle."""
    return {**os.environ, "TCP_NODELAY": "1"}


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of DCMTK's programs to its end."""
    command = [find(program), *map(str, arguments)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, errors="replace", check=False)


def echoscu(port: int, called: str = "THORAXD", calling: str = "ECHOSCU") -> subprocess.CompletedProcess[str]:
    """C-ECHO."""
    return run("echoscu", "-to", "10", "-aet", calling, "-aec", called, "127.0.0.1", str(port))


def storescu(port: int, *arguments: str | Path, called: str = "THORAXD") -> subprocess.CompletedProcess[str]:
    """C-STORE of files, with storescu's own options before them."""
    return run("storescu", "-aec", called, "127.0.0.1", str(port), *arguments)


@dataclass(frozen=True, slots=True)
class Dcmsend:
    """One dcmsend under way."""

    process: subprocess.Popen[str]
    files: tuple[Path, ...]

    def finish(self) -> str:
        """Wait for it; what it said."""
        output, _ = self.process.communicate()
        return output


def dcmsend(files: Sequence[Path], port: int, called: str = "THORAXD") -> Dcmsend:
    """Start one dcmsend: a single association, nothing decompressed, no halt at a file that is refused."""
    command = [find("dcmsend"), "-v", "-dn", "-nh", "-ma", "-aec", called, "127.0.0.1", str(port), *map(str, files)]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    return Dcmsend(process, tuple(files))


def dcmsend_parallel(files: Sequence[Path], port: int, associations: int) -> list[str]:
    """Send `files` over so many associations at once, shared out in turn; what each sender said."""
    started = [dcmsend(files[start::associations], port) for start in range(min(associations, len(files)))]
    return [sender.finish() for sender in started]


@dataclass(frozen=True, slots=True)
class StoreScp:
    """One running storescp."""

    port: int
    folder: Path

    def files(self) -> list[Path]:
        """What it has received whole."""
        return sorted(path for path in self.folder.iterdir() if path.suffix != ".part")


@contextmanager
def storescp(folder: Path, port: int | None = None) -> Iterator[StoreScp]:
    """A storescp that writes into `folder`/received. Raises ProgramMissing."""
    received = folder / "received"
    received.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command: list[str | Path] = [find("storescp"), "-aet", "STORESCP", "-od", received, "--fork", str(port)]
    with running(command, folder / "storescp.log", lambda: listens(port), environment=environment()):
        yield StoreScp(port, received)
