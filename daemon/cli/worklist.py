"""thoraxd worklist: the prioritised reading list in the terminal."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from daemon.cli.commands import Config, Json, app, console, open_ledger, print_lines
from daemon.core.priority import percent
from daemon.store.reading import ReadingRow

_NAMING = ("patient_name", "patient_id", "accession_number", "study_description")
_STYLE = {"HIGH": "bold red", "LOW": "dim"}


@app.command()
def worklist(
    config: Config = None,
    as_json: Json = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="only the first so many")] = 50,
    names: Annotated[bool, typer.Option("--names", help="name the patients")] = False,
) -> None:
    """The reading worklist: what is to be read next stands first."""
    ledger, _ = open_ledger(config)
    rows, now = ledger.reading.page(limit=limit), time.time()
    if as_json:
        print_lines([_line(place, row, now, names=names) for place, row in enumerate(rows, start=1)])
        return
    titles = ["", "priority", "waiting", "AI", "why", "state", "study"]
    table = Table(*titles, *(["patient", "id"] if names else []), box=None, header_style="bold", pad_edge=False)
    for place, row in enumerate(rows, start=1):
        probability = "" if row.probability is None else percent(row.probability)
        table.add_row(
            str(place),
            Text(row.priority, style=_STYLE.get(row.priority, "")),
            _waiting(row.waiting_s(now)),
            Text(probability, style="bold red" if row.positive else ""),
            Text(row.label),
            row.state,
            row.study_uid,
            *([Text(row.patient_name), Text(row.patient_id)] if names else []),
        )
    console.print(table)
    counts = ledger.reading.counts()
    console.print(f"{counts['SCHEDULED']} to be read, {counts['IN PROGRESS']} being read. AI, unverified.", style="dim")


def _line(place: int, row: ReadingRow, now: float, *, names: bool) -> dict[str, Any]:
    values = {name: value for name, value in asdict(row).items() if names or name not in _NAMING}
    return {"place": place, "waiting_s": round(row.waiting_s(now), 1), **values}


def _waiting(seconds: float) -> str:
    hours, minutes = divmod(int(seconds // 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
