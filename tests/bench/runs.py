"""One run: a folder, its peers, thoraxd in one of its two ways, and what is kept for `validate` and `phi`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tests.bench.load import MANIFEST, Film
from tests.support.peers.orthanc import Orthanc, orthanc
from tests.support.peers.servers import postgres_server, redis_server
from tests.support.system import ROOT, Thoraxd

console = Console(width=160)

DataOption = Annotated[Path, typer.Option(help="the folder of real films")]
FilmsOption = Annotated[Path, typer.Option(help="where the wrapped films are made, or were")]
RunOption = Annotated[Path, typer.Option(help="the run's folder; what is there is removed first")]
DATA = Path(os.environ.get("THORAXD_TEST_DATA", ROOT.parent / "shared" / "data"))
FILMS = ROOT / "bench-out" / "films"


@dataclass(frozen=True, slots=True)
class Way:
    """How thoraxd runs: all embedded, or with any of a hospital's servers."""

    postgres: bool = False
    redis: bool = False
    workers: int = 0  # 0: `thoraxd up` with its own one

    def __str__(self) -> str:
        database = "PostgreSQL" if self.postgres else "SQLite"
        broker = "an outside Redis" if self.redis else "the embedded Redis"
        return f"{database}, {broker}, {self.workers or 'embedded'} worker{'s' if self.workers > 1 else ''}"


@contextmanager
def system(
    folder: Path, way: Way, settings: dict[str, dict[str, Any]] | None = None
) -> Iterator[tuple[Thoraxd, Orthanc]]:
    """A fresh run folder with Orthanc as the only destination and thoraxd running; quiet_s is 2, the default."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the peers are stopped too
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    sections: dict[str, dict[str, Any]] = {
        "study": {"quiet_s": 2.0},
        "model": {"threads": 0, "picture_check": True},
        **(settings or {}),
    }
    with ExitStack() as stack:
        if way.postgres:
            sections["database"] = {"url": stack.enter_context(postgres_server()).url}
        if way.redis:
            sections["broker"] = {"url": stack.enter_context(redis_server(folder / "redis")).url}
        if way.workers and not way.redis:
            raise typer.BadParameter("several workers need an outside broker: add --redis")
        pacs = stack.enter_context(orthanc(folder / "orthanc"))
        thoraxd = Thoraxd(
            folder / "thoraxd",
            destinations=[pacs.destination()],
            workers=way.workers or (1 if way.redis else None),
            settings=sections,
        )
        yield stack.enter_context(thoraxd), pacs


def keep(folder: Path, films: Sequence[Film], pacs: Orthanc) -> None:
    """Leave in `folder` what was sent (load.json) and every object that Orthanc holds (results/)."""
    (folder / MANIFEST).write_text(json.dumps([asdict(film) for film in films], indent=1))
    results = folder / "results"
    results.mkdir(exist_ok=True)
    for item in pacs.instances():
        (results / f"{item.sop_uid}.dcm").write_bytes(pacs.file(item.orthanc_id))


def sent(folder: Path) -> list[Film]:
    """What a run has sent."""
    films = json.loads((folder / MANIFEST).read_text())
    return [Film(**film | {"identifiers": tuple(film["identifiers"])}) for film in films]


def end(misses: Sequence[str], promise: str) -> None:
    """Print the misses; exit with 1 if there are any."""
    for miss in misses:
        console.print(f"MISS  {miss}", markup=False, highlight=False, soft_wrap=True)
    console.print(("FAILED" if misses else "PASSED") + f"  {promise}", markup=False, highlight=False)
    raise typer.Exit(1 if misses else 0)
