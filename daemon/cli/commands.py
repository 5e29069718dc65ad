"""up, serve, check, studies, show, demo, db upgrade; replay, dead-letters and reject are in resending.py.

What only some commands need (network, Celery) is imported by those: `thoraxd studies` shall answer at once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from daemon import settings as settings_file
from daemon.cli import pictures, tables
from daemon.core.log import configure, hush
from daemon.core.states import StudyState
from daemon.settings import Settings
from daemon.store import migrate
from daemon.store.archive import Archive
from daemon.store.ledger import Ledger
from daemon.store.opening import open_store

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # the names of settings stand in square brackets
    help="Reads chest radiographs on arrival, sends back SR and GSPS. AI, unverified: not a medical device.",
)
db = typer.Typer(no_args_is_help=True, help="The ledger's database.")
app.add_typer(db, name="db")
# Piped into a file or grep, a UID shall not be folded.
console = Console() if sys.stdout.isatty() else Console(width=240)

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar=settings_file.CONFIG_VARIABLE, help="default: the thoraxd.toml here, if any"),
]
Json = Annotated[bool, typer.Option("--json", help="JSON, one object a line")]


def read_settings(config: Path | None) -> tuple[Settings, Path | None]:
    """The settings, and the file that they are from."""
    if config is None and Path("thoraxd.toml").exists():
        config = Path("thoraxd.toml")
    return settings_file.load(config), config


def open_ledger(config: Path | None) -> tuple[Ledger, Settings]:
    """The ledger as it is; ends the program with a word where there is none yet."""
    settings, _ = read_settings(config)
    # Looking must not make a database: it would belong to whoever looked.
    if settings.database.url or settings.sqlite_file.exists():
        ledger, _archive = open_store(settings)
        if migrate.revision(ledger.database.engine)[0] is not None:
            return ledger, settings
    Console(stderr=True).print("Nothing was received yet: there is no ledger.", style="yellow")
    raise typer.Exit(1)


def one_study(ledger: Ledger, beginning: str) -> str | None:
    """The study whose UID is, or begins with, `beginning`; where that is none or several, says so and gives None."""
    found = ledger.views.named(beginning) if beginning else []
    if len(found) == 1:
        return found[0]
    wrong = f"several studies begin with {beginning}" if found else f"no study {beginning}"
    Console(stderr=True).print(wrong, style="red", markup=False)
    return None


def print_lines(reports: list[dict[str, Any]]) -> None:
    """JSON, one object a line."""
    for report in reports:
        typer.echo(json.dumps(report))


@app.command()
def up(config: Config = None) -> None:
    """Daemon, embedded Redis and worker in one process tree, until Ctrl-C."""
    from daemon.app import run

    settings, path = read_settings(config)
    configure(settings.log.level, settings.log.format)
    run(settings, path, embedded=True)


@app.command()
def serve(config: Config = None) -> None:
    """The daemon alone; broker, database and workers are elsewhere."""
    from daemon.app import run

    settings, path = read_settings(config)
    configure(settings.log.level, settings.log.format)
    run(settings, path, embedded=False)


@app.command()
def check(config: Config = None, as_json: Json = False) -> None:
    """Say whether settings, database, broker, archive, weights and destinations work."""
    from daemon.cli import check as checks

    hush()
    settings, path = read_settings(config)
    results = checks.run_all(settings, path)
    if as_json:
        print_lines([result.as_dict() for result in results])
    else:
        console.print(tables.checks(results))
    if not all(result.ok for result in results):
        raise typer.Exit(1)


@app.command()
def studies(
    config: Config = None,
    as_json: Json = False,
    state: Annotated[str | None, typer.Option(help="only studies in this state, e.g. FAILED")] = None,
    limit: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="only the newest so many; 0: all")] = 100,
) -> None:
    """What was received, the newest first, and what became of it."""
    if state is not None and state.upper() not in set(StudyState):
        raise typer.BadParameter(f"--state is one of {', '.join(StudyState)}")
    ledger, _ = open_ledger(config)
    reports = ledger.views.studies(ledger.views.study_uids(state=state.upper() if state else None, limit=limit or None))
    if as_json:
        print_lines(reports)
    else:
        console.print(tables.studies(reports))


@app.command()
def show(
    study_uid: str,
    config: Config = None,
    as_json: Json = False,
    png: Annotated[
        Path | None, typer.Option("--png", help="draw the results as a viewer would show them: a file, or a folder")
    ] = None,
    form: Annotated[str | None, typer.Option(help="which output --png draws (default: gsps, else sr, else sc)")] = None,
) -> None:
    """Everything about one study: its images, findings, results and deliveries. The UID's beginning will do."""
    ledger, settings = open_ledger(config)
    found = one_study(ledger, study_uid)
    if found is None:
        raise typer.Exit(1)
    study_uid = found
    report = ledger.views.studies([study_uid])[0] | {"objects": ledger.views.object_deliveries(study_uid)}
    answers = [json.loads(answer) for _, answer in ledger.views.answers(study_uid)]
    report["findings"] = [tables.findings(answer) for answer in answers]
    report["models"] = list(dict.fromkeys(tables.weights(answer["identity"]) for answer in answers))
    if png is not None:
        keys, archive = ledger.views.keys(study_uid), Archive(settings.archive_url)
        try:
            report["pictures"] = pictures.draw_study(report, keys, archive, png, form)
        except pictures.NoPicture as error:
            Console(stderr=True).print(str(error), style="red", markup=False)
            raise typer.Exit(1) from None
    if as_json:
        print_lines([report])
    else:
        tables.print_study(console, report)
        pictures.print_pictures(console, report.get("pictures", []))


@app.command()
def demo(
    files: Annotated[list[Path] | None, typer.Argument(help="DICOM films (default: a synthetic phantom)")] = None,
    out: Annotated[Path, typer.Option(help="where results and pictures go")] = Path("demo-out"),
    as_json: Json = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="leave the instance running, for its page, until Ctrl-C")
    ] = False,
) -> None:
    """Send FILES (or a built-in phantom) through a private instance and show the results."""
    from daemon.cli import demo as demonstration

    hush()
    told = console if not as_json else Console(stderr=True)
    with demonstration.run_demo(files or [], out, told) as (reports, instance):
        if as_json:
            print_lines(reports)
        else:
            demonstration.print_results(console, reports)
        if keep:
            told.print(f"page      {instance.page}  until Ctrl-C", highlight=False)
            instance.keep()
        else:
            told.print("page      `thoraxd demo --keep` leaves it running and says where", highlight=False)
    if any(report["state"] == "FAILED" for report in reports):
        raise typer.Exit(1)


@db.command("upgrade")
def db_upgrade(config: Config = None) -> None:
    """Bring the database to this version's schema."""
    hush()
    settings, _ = read_settings(config)
    ledger, _archive = open_store(settings)
    migrate.upgrade(ledger.database.engine)
    console.print(f"database at revision {migrate.head()}")
