"""Does any log of a run name a patient? Searches them for every identifier of every film that was sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from tests.bench.runs import console, end, sent

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def logs(folder: Path) -> list[Path]:
    """What thoraxd's processes wrote below a run's folder: our log, the embedded Redis' and the workers'."""
    return sorted((folder / "thoraxd").rglob("*.log"))


def found(text: str, identifiers: set[str]) -> list[str]:
    """Which identifiers occur; one of digits only where no digit or dot touches it, since UIDs are full of digits."""
    hits = []
    for identifier in sorted(identifiers):
        pattern = re.escape(identifier)
        if identifier.isdigit():
            pattern = rf"(?<![\d.]){pattern}(?![\d.])"
        if re.search(pattern, text, re.IGNORECASE):
            hits.append(identifier)
    return hits


@app.command()
def main(run: Annotated[Path, typer.Argument(help="the folder of an acceptance or kill run")]) -> None:
    """No PatientName, PatientID, birth date or accession number of what was sent occurs in any log."""
    films = sent(run)
    identifiers = {identifier for film in films for identifier in film.identifiers}
    files = logs(run)
    misses: list[str] = []
    ever_named = 0
    for file in files:
        text = file.read_text(errors="replace")
        named = sum(film.sop_uid in text for film in films)
        ever_named += named
        hits = found(text, identifiers)
        console.print(
            f"{file}: {len(text):,} characters, names {named} of {len(films)} films by UID, "
            f"{len(hits)} of {len(identifiers)} identifiers found",
            highlight=False,
        )
        misses += [f"{file}: {hit!r}" for hit in hits]
    if not ever_named:
        misses.append("no log names any film by its UID: there was nothing to search")
    end(misses, "logs name no patient")


if __name__ == "__main__":
    app()
