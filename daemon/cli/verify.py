"""`thoraxd verify`: the check that every result passes before it is sent, for any result at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydicom import Dataset, dcmread
from rich.console import Console
from rich.markup import escape

from daemon.cli.commands import Json, app, console
from daemon.conform import Expected, faults
from daemon.conform.forms import FORMS
from daemon.conform.key_objects import REJECTIONS
from daemon.conform.view import view
from daemon.core.header import MAX_INFLATED_RESULT, inflates_beyond, read_header

_PROFILES = ("air", "stone", "ohif")


@app.command()
def verify(
    files: Annotated[list[Path], typer.Argument(help="results: SR, GSPS, KOS, Secondary Capture, Parametric Map")],
    source: Annotated[list[Path] | None, typer.Option(help="the image they are about; repeat it for each")] = None,
    profile: Annotated[str, typer.Option(help="hold SRs to this profile, and all to what thoraxd writes")] = "",
    triage_only: Annotated[bool, typer.Option("--triage-only", help="no location may be in them")] = False,
    as_json: Json = False,
) -> None:
    """Say what the standard, PACS and viewers would find wrong with FILES. Exits with 1 if there is anything."""
    if profile and profile not in _PROFILES:
        raise typer.BadParameter(f"--profile is one of {', '.join(_PROFILES)}")
    sources = [_read(path, headers=True) for path in source or []]
    if not sources:
        note = "no --source: patient, study, coordinates and grey values are not held against the image"
        Console(stderr=True).print(note, style="yellow")
    wrong = 0
    for path in files:
        report = _report(path, sources, profile, triage_only)
        wrong += bool(report["faults"])
        if as_json:
            typer.echo(json.dumps(report))
        else:
            _print(report)
    if wrong:
        raise typer.Exit(1)


def _report(path: Path, sources: list[Dataset], profile: str, triage_only: bool) -> dict[str, Any]:
    ds = _read(path, headers=False)
    found = faults(ds, sources, _expected(ds, profile, triage_only))
    form = FORMS.get(str(ds.get("SOPClassUID", "")))
    kind = form.kinds[0] if form else ""
    return {"file": str(path), "kind": kind, "faults": [fault._asdict() for fault in found]}


def _expected(ds: Dataset, profile: str, triage_only: bool) -> Expected | None:
    """What is asked of the file; None, the standard alone, unless the user asks for more."""
    form = FORMS.get(str(ds.get("SOPClassUID", "")))
    if form is None or not (profile or triage_only):
        return None
    rejection = view(ds).code("ConceptNameCodeSequence") in REJECTIONS
    return Expected(form.kinds[-1] if rejection else form.kinds[0], profile, not triage_only)


def _read(path: Path, headers: bool) -> Dataset:
    """The data set of a file; headers: without its pixels, as the daemon reads a received image."""
    if not path.is_file():
        raise typer.BadParameter(f"{path} is no file")
    try:
        with path.open("rb") as file:
            if headers:
                return read_header(file)
            if inflates_beyond(file, MAX_INFLATED_RESULT):
                raise typer.BadParameter(f"{path} inflates to more than any result ({MAX_INFLATED_RESULT >> 20} MiB)")
        return dcmread(path)
    except typer.BadParameter:
        raise
    except Exception as error:
        # pydicom has no closed set of errors for broken bytes
        raise typer.BadParameter(f"{path} is no DICOM file ({type(error).__name__})") from error


def _print(report: dict[str, Any]) -> None:
    found = report["faults"]
    verdict = f"[red]{len(found)} fault{'s' if len(found) != 1 else ''}[/]" if found else "[green]no fault[/]"
    console.print(f"{escape(report['file'])} {report['kind'] or 'no result of a known form'}: {verdict}")
    for fault in found:
        console.print(f"  {fault['rule']}  {fault['where']}: {fault['text']}", markup=False, soft_wrap=True)
