"""pull: has studies come from another archive. The command queues; the daemon's pull loop fetches."""

from __future__ import annotations

import fcntl
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from daemon.cli import tables
from daemon.cli.commands import Config, Json, app, console, open_ledger, print_lines
from daemon.core.errors import DeliveryError
from daemon.core.log import hush
from daemon.core.pulls import PullState, Search, Why
from daemon.core.uids import is_uid
from daemon.sections import Source
from daemon.settings import Settings
from daemon.store.ledger import Ledger
from daemon.store.pulls import Pulled, Wish

NOT_ENDED = 3  # exit code
LOOK_S = 0.3
FEWEST_PRIORS = 3  # with --priors-of, where the settings name no number
_DAYS = re.compile(r"\d{8}|\d{8}-\d{8}|\d{8}-|-\d{8}")


@app.command()
def pull(
    source: Annotated[str, typer.Argument(help="the name of a [[source]]")],
    study_uids: Annotated[list[str] | None, typer.Argument(help="Study Instance UIDs")] = None,
    config: Config = None,
    as_json: Json = False,
    accession: Annotated[str | None, typer.Option(help="the studies with this accession number")] = None,
    patient: Annotated[str | None, typer.Option(help="this patient's chest films, by Patient ID")] = None,
    priors_of: Annotated[str | None, typer.Option(help="earlier chest films of this study's patient")] = None,
    day: Annotated[str | None, typer.Option(help="the chest films of YYYYMMDD, or of A-B")] = None,
    wait: Annotated[bool, typer.Option(help="until all is here or given up")] = True,
) -> None:
    """Fetch studies from a PACS ([[source]]): by C-FIND and C-GET or C-MOVE, or by QIDO-RS and WADO-RS."""
    hush()
    ledger, settings = open_ledger(config)
    chosen_source = next((item for item in settings.source if item.name == source), None)
    if chosen_source is None:
        raise typer.BadParameter(f"no [[source]] {source}; there is {_names(settings)}")
    asked = [bool(study_uids), *(item is not None for item in (accession, patient, priors_of, day))]
    if sum(asked) != 1:
        raise typer.BadParameter("name studies, or one of --accession, --patient, --priors-of and --day")
    try:
        wanted = _wishes(chosen_source, settings, study_uids or [], accession, patient, priors_of, day)
    except DeliveryError as error:
        Console(stderr=True).print(f"{source}: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    uids = [wish.study_uid for wish in wanted]
    before = ledger.pulls.begun(uids)
    ledger.pulls.queue(source, wanted, time.time())
    if wait:
        _wait(ledger, settings, source, uids, quiet=as_json)
    _tell(ledger.pulls.progress(source, uids), uids, before, as_json=as_json, waited=wait)


def _names(settings: Settings) -> str:
    return ", ".join(item.name for item in settings.source) or "none in the settings"


def _wishes(
    source: Source,
    settings: Settings,
    study_uids: Sequence[str],
    accession: str | None,
    patient: str | None,
    priors_of: str | None,
    day: str | None,
) -> list[Wish]:
    """What the source has of what was asked for. Raises DeliveryError."""
    from daemon import pull  # network libraries

    if study_uids:
        malformed = [uid for uid in study_uids if not is_uid(uid)]
        if malformed:
            raise typer.BadParameter(f"{malformed[0]} is no UID")
        return [Wish(uid, Why.ASKED) for uid in dict.fromkeys(study_uids)]
    remote = pull.remote_of(source, settings)
    if accession is not None:
        return pull.wishes(remote.studies(Search(accession_number=_value(accession))), Why.ASKED, source)
    if patient is not None:
        choice = pull.choice_of(source)
        found = remote.studies(Search(patient_id=_value(patient)))
        return pull.wishes(filter(choice.wants_study, found), Why.CHOSEN, source)
    if day is not None:
        if not _DAYS.fullmatch(day):
            raise typer.BadParameter("--day is YYYYMMDD, or a range of them")
        return pull.wishes(pull.chosen(remote, source, day), Why.CHOSEN, source)
    if not is_uid(priors_of or ""):
        raise typer.BadParameter(f"{priors_of} is no UID")
    current = remote.studies(Search(study_uid=priors_of or ""))
    most = source.priors or FEWEST_PRIORS
    return pull.wishes(pull.priors(remote, source, current[0], most) if current else [], Why.PRIOR, source)


def _value(text: str) -> str:
    """A single value, which wildcards would make a search of (PS3.4 C.2.2.2)."""
    if not text.strip() or set(text) & set("*?\\"):
        raise typer.BadParameter("an identifier is one value, without wildcards")
    return text.strip()


def _wait(ledger: Ledger, settings: Settings, source: str, study_uids: Sequence[str], *, quiet: bool) -> None:
    """Until all have ended; at once where no daemon runs that could do it."""
    with Console(stderr=True).status("", spinner="dots") as status:
        if quiet or not sys.stderr.isatty():
            status.stop()
        while True:
            found = ledger.pulls.progress(source, study_uids)
            waiting = [item for item in found if item.state is PullState.WAITING]
            if not waiting:
                return
            if not _daemon_runs(settings):
                message = "no thoraxd runs with this home: what is queued is fetched when one does"
                Console(stderr=True).print(message, style="yellow")
                return
            reasons = "; ".join(dict.fromkeys(item.reason for item in waiting if item.reason))
            status.update(f"{len(found) - len(waiting)} of {len(found)} studies{reasons and f', waiting: {reasons}'}")
            time.sleep(LOOK_S)


def _daemon_runs(settings: Settings) -> bool:
    """Whether a daemon holds this home's lock; where the database is shared, it may run on another host."""
    if settings.database.url:
        return True
    try:
        with (settings.home / "daemon.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _tell(found: Sequence[Pulled], asked: Sequence[str], before: set[str], *, as_json: bool, waited: bool) -> None:
    """What became of it, and the exit code: 1 something failed or nothing was found, 3 not ended."""
    skipped = sorted(set(asked) - {item.study_uid for item in found})  # priors that are here
    if as_json:
        print_lines([_line(item, before) for item in found] + [_skipped(uid) for uid in skipped])
    else:
        console.print(tables.pulls(found))
        count: Callable[[PullState], int] = lambda state: sum(item.state is state for item in found)  # noqa: E731
        here = len({*before, *skipped})
        fetched = sum(item.state is PullState.DONE and item.study_uid not in before for item in found)
        console.print(
            f"{len(asked)} {'study' if len(asked) == 1 else 'studies'}: {here} here before, {fetched} fetched,"
            f" {count(PullState.FAILED)} failed, {count(PullState.WAITING)} waiting",
            highlight=False,
        )
    states = {item.state for item in found}
    if waited and PullState.WAITING in states:
        raise typer.Exit(NOT_ENDED)
    if PullState.FAILED in states or not asked:
        raise typer.Exit(1)


def _line(item: Pulled, before: set[str]) -> dict[str, Any]:
    names = ("study_uid", "why", "state", "attempts", "expected", "fetched", "reason")
    return {name: getattr(item, name) for name in names} | {"here_before": item.study_uid in before}


def _skipped(study_uid: str) -> dict[str, Any]:
    return {"study_uid": study_uid, "why": Why.PRIOR, "state": PullState.DONE, "here_before": True}
