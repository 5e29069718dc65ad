"""replay, dead-letters, reject: what a person does about results that did not arrive, or should not have."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from daemon.cli import tables
from daemon.cli.commands import Config, Json, app, console, one_study, open_ledger, print_lines
from daemon.core.moments import moment
from daemon.core.records import REJECTION_REASONS

Destination = Annotated[str | None, typer.Option(help="only to this destination")]
AnyDestination = Annotated[str | None, typer.Option("--destination", help="only to this destination")]


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return moment(text, datetime.now().astimezone())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def replay(
    study_uids: Annotated[
        list[str] | None,
        typer.Argument(help="studies, or the beginnings of their UIDs (default: what the options choose)"),
    ] = None,
    config: Config = None,
    destination: Destination = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="only what was given up, quarantined or still waits")
    ] = False,
    since: Annotated[
        str | None, typer.Option(help="only results queued since: 2026-11-21T08:00, or 90m, 12h, 7d")
    ] = None,
    until: Annotated[str | None, typer.Option(help="only results queued before: as --since")] = None,
    analysis: Annotated[bool, typer.Option("--analysis", help="analyse the images again")] = False,
) -> None:
    """Send results again, byte for byte the same; or, with --analysis, analyse again."""
    ledger, settings = open_ledger(config)
    if destination is not None and destination not in {item.name for item in settings.destination}:
        raise typer.BadParameter(f"the settings name no destination {destination!r}")
    begin, end = _moment(since), _moment(until)
    if not study_uids and not failed and begin is None and end is None:
        raise typer.BadParameter("name studies, a time (--since, --until), or --failed for all that was given up")
    named = [one_study(ledger, beginning) for beginning in study_uids or ()]
    wanted = [uid for uid in named if uid is not None]
    if not study_uids:
        wanted = ledger.views.delivered_study_uids(destination, begin, end, failed_only=failed)
    if analysis:
        count = sum(ledger.deliveries.replay_analysis(uid) for uid in wanted)
        console.print(f"{count} images will be analysed again")
    else:
        window = {"since": begin, "until": end}
        count = ledger.deliveries.replay(wanted, destination, failed_only=failed, now=time.time(), **window)
        console.print(f"{count} objects will be sent again")
        if wanted and not count:
            console.print("No result of these studies waits for delivery; --analysis analyses their images again.")
    if None in named or (study_uids and not count):
        raise typer.Exit(1)


@app.command("dead-letters")
def dead_letters(config: Config = None, as_json: Json = False, destination: AnyDestination = None) -> None:
    """Results that were given up or quarantined, each with its reason. `replay --failed` tries them again."""
    ledger, _ = open_ledger(config)
    letters = ledger.views.dead_letters(destination)
    if as_json:
        print_lines(letters)
    else:
        console.print(tables.dead_letters(letters))


@app.command()
def reject(
    study_uid: Annotated[str, typer.Argument(help="the study's whole UID")],
    config: Config = None,
    reason: Annotated[str, typer.Option(help=" | ".join(REJECTION_REASONS))] = "quality",
    comment: Annotated[str, typer.Option(help="for the note, 64 characters; no patient's name")] = "",
) -> None:
    """Withdraw a study's results: a rejection note (IHE IOCM) goes where they went, and no more of them is sent."""
    if reason not in REJECTION_REASONS:
        raise typer.BadParameter(f"--reason is one of {', '.join(REJECTION_REASONS)}")
    if len(comment) > 64 or not comment.isascii() or not (comment + " ").isprintable():
        raise typer.BadParameter("--comment has at most 64 printable ASCII characters")
    ledger, _ = open_ledger(config)
    obstacle = ledger.rejections.reject(study_uid, reason, comment, time.time())
    if obstacle:
        Console(stderr=True).print(f"{study_uid}: {obstacle}", style="red", markup=False)
        raise typer.Exit(1)
    console.print(f"results of {study_uid} are withdrawn; a rejection note goes wherever they were sent")
