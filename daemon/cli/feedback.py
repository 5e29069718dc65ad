"""`thoraxd feedback`: what readers said of results, for whoever counts or trains."""

from __future__ import annotations

import csv
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from daemon.cli import tables
from daemon.cli.commands import Config, Json, app, console, open_ledger, print_lines
from daemon.store.feedback import Feedback


@app.command()
def feedback(
    config: Config = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="comma-separated values with a heading")] = False,
) -> None:
    """Every verdict that readers gave on the page, the oldest first; the newest of a reader on one thing counts."""
    ledger, _ = open_ledger(config)
    given = (asdict(item) for item in ledger.feedback.all())
    if as_json:
        print_lines(list(given))
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, list(Feedback.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows(given)
    else:
        console.print(tables.feedback(list(given)))
