"""`thoraxd orders`: what HL7 v2 senders said of urgency, and for which studies."""

from __future__ import annotations

from typing import Annotated

import typer

from daemon.cli import tables
from daemon.cli.commands import Config, Json, app, console, open_ledger, print_lines


@app.command()
def orders(
    config: Config = None,
    as_json: Json = False,
    limit: Annotated[int, typer.Option(min=1, help="at most so many")] = 100,
) -> None:
    """The orders that arrived last, the newest first, and the studies that we have of each; no patient data."""
    ledger, _ = open_ledger(config)
    told = ledger.orders.newest(limit)
    if as_json:
        print_lines(told)
    else:
        console.print(tables.orders(told))
