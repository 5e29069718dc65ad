"""Single faults seeded into valid objects: what catches them, ours and the public validators. Writes docs/checker.md.

A public validator is said to catch a fault when it has anything to say of the spoiled object, error or warning, that it
has not to say of the clean one: what a person who reads all of its output could have seen.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydicom import Dataset

from daemon.conform import faults
from tests.bench.runs import console, end
from tests.support import validators
from tests.support.builders import make_cxr, write
from tests.support.conform import BOX, OTHER, Case, drawn, objects, rejected
from tests.support.faults import MUTATIONS, Mutation, reread
from tests.support.reports import digest_of, make_findings, make_request
from tests.support.reports import reread as header_of
from worker.encode import SourceImage

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
ROOTS = {"sr": "TID_1500", "chest-cad-sr": "TID_4100", "kos": "TID_2010", "rejection": "TID_2010", "text-sr": ""}
TOOLS = ("dciodvfy", "DicomSRValidator", "dsrdump", "dcmpschk", "dcentvfy")
HEADINGS = ("fault", "clause", "in", "ours (rule)", *TOOLS)
NOT_FOR_IT = "–"


@dataclass(frozen=True)
class Row:
    """One fault: the rules of ours that caught it, by each public validator "caught", "" or NOT_FOR_IT."""

    mutation: Mutation
    ours: tuple[str, ...]
    public: Mapping[str, str]
    missed_in: tuple[str, ...]  # the objects in which ours did not catch it

    @property
    def ours_alone(self) -> bool:
        """Whether no public validator caught it."""
        return not any(answer == "caught" for answer in self.public.values())


def valid(film: Path) -> dict[str, Case]:
    """Every form on a film that is a file, so that dcentvfy can have it."""
    header = header_of(film.read_bytes())
    image = drawn(SourceImage(header, digest_of(header), make_findings(BOX, OTHER)))
    found = {case.name: case for case in objects(make_request(image))}
    return found | {"rejection": rejected(header, *(case.dataset for case in found.values()))}


def said(film: Path, files: Mapping[Path, Case], parallel: int) -> dict[Path, dict[str, list[str]]]:
    """What each validator that is for a file says of it."""
    documents = {path: ROOTS[case.expected.kind] for path, case in files.items() if case.expected.kind in ROOTS}
    jobs: dict[tuple[Path, str], Callable[[], list[str]]] = {}
    for path, case in files.items():
        jobs[path, "dciodvfy"] = lambda path=path: validators.dciodvfy(path)  # type: ignore[misc]
        jobs[path, "dcentvfy"] = lambda path=path: validators.dcentvfy(film, path)  # type: ignore[misc]
        if path in documents:
            jobs[path, "dsrdump"] = lambda path=path: validators.dsrdump(path)  # type: ignore[misc]
        if case.expected.kind == "gsps":
            jobs[path, "dcmpschk"] = lambda path=path: validators.dcmpschk(path)  # type: ignore[misc]
    answers: dict[Path, dict[str, list[str]]] = {path: {} for path in files}
    with ThreadPoolExecutor(parallel) as pool:
        for (path, tool), lines in zip(jobs, pool.map(lambda job: job(), jobs.values()), strict=True):
            answers[path][tool] = lines
    for path, lines in validators.sr_validators(documents).items():
        answers[path]["DicomSRValidator"] = lines
    return answers


def rows(folder: Path, parallel: int) -> tuple[list[Row], list[str]]:
    """A row for each fault; and what ours says of clean objects, which must be nothing."""
    film = write(make_cxr(TimezoneOffsetFromUTC="+0100"), folder / "film.dcm")
    cases = valid(film)
    alarms = [f"{name}: {fault}" for name, case in cases.items() for fault in ours(case.dataset, case)]
    files: dict[Path, Case] = {}
    for name, case in cases.items():
        files[write(case.dataset, folder / "clean" / name.replace(" ", "-") / "object.dcm")] = case
    spoiled = {}
    for number, mutation in enumerate(MUTATIONS):
        path = folder / "spoiled" / str(number) / "object.dcm"
        path.parent.mkdir(parents=True)
        path.write_bytes(mutation.seeded(cases[mutation.of[0]].dataset))
        spoiled[path], files[path] = mutation, cases[mutation.of[0]]
    answers = said(film, files, parallel)
    clean = {case.name: answers[path] for path, case in files.items() if path not in spoiled}
    return [row(mutation, cases, answers[path], clean[mutation.of[0]]) for path, mutation in spoiled.items()], alarms


def ours(ds: Dataset, case: Case) -> list[str]:
    """The rules that an object breaks, each once."""
    return list(dict.fromkeys(fault.rule for fault in faults(ds, case.sources, case.expected)))


def row(mutation: Mutation, cases: Mapping[str, Case], told: dict[str, list[str]], clean: dict[str, list[str]]) -> Row:
    """One fault in all the objects that it is seeded into; the public validators see the first of them."""
    caught = {name: ours(reread(mutation.seeded(cases[name].dataset)), cases[name]) for name in mutation.of}
    public = dict.fromkeys(TOOLS, NOT_FOR_IT)
    for tool, lines in told.items():
        public[tool] = "caught" if Counter(lines) - Counter(clean[tool]) else ""
    missed = tuple(name for name, rules in caught.items() if not rules)
    return Row(mutation, tuple(caught[mutation.of[0]]), public, missed)


def document(table: list[Row], alarms: list[str]) -> str:
    """docs/checker.md."""
    seeds = sum(len(one.mutation.of) for one in table)
    alone = [one for one in table if one.ours_alone]
    counts = {tool: sum(one.public[tool] == "caught" for one in table) for tool in TOOLS}
    looked = {tool: sum(one.public[tool] != NOT_FOR_IT for one in table) for tool in TOOLS}
    caught, both = len(table) - missed(table), " | ".join
    lines = [
        f"{len(table)} faults, seeded into {seeds} objects of all forms. Ours catches {caught}, and complains of",
        f"{len(alarms)} clean objects. {len(alone)} are caught by no public validator.",
        "",
        f"| | ours | {both(TOOLS)} | all five together |",
        "|---" * (len(TOOLS) + 3) + "|",
        f"| caught | {caught} | {both(str(counts[tool]) for tool in TOOLS)} | {len(table) - len(alone)} |",
        f"| of those it is for | {len(table)} | {both(str(looked[tool]) for tool in TOOLS)} | {len(table)} |",
        NOTES,
        f"| {both(HEADINGS)} |",
        "|---" * len(HEADINGS) + "|",
    ]
    for one in table:
        name = f"**{one.mutation.name}**" if one.ours_alone else one.mutation.name
        answers = " | ".join(one.public[tool] for tool in TOOLS)
        rules = ", ".join(one.ours[:2]) + (" …" if len(one.ours) > 2 else "")
        lines.append(f"| {name} | {one.mutation.clause} | {one.mutation.of[0]} | {rules or 'MISSED'} | {answers} |")
    return INTRODUCTION + "\n".join(lines) + "\n"


def missed(table: list[Row]) -> int:
    """How many faults ours misses in any of the objects that they are seeded into."""
    return sum(bool(one.missed_in) for one in table)


INTRODUCTION = """# The check before sending

`daemon/conform/` is asked about every object just before it is sent. What it finds wrong is quarantined with the reason
and never sent; `thoraxd verify FILES… --source IMAGE…` asks it about any file. It is pure: the object, the headers of
the study's images, and what the destination asked for go in, faults come out; no pixels are decoded. An SR takes about
10 ms, half of which is pydicom's parsing, other forms 2 to 6 ms.

The line to a sloppy source: a value of patient or study that the source image has too is never a fault, however
illegal, for the image is filed under it; a value that differs from the source's always is one.

It is no general validator. Of an object whose maker is not known (no `--profile`) it checks the standard's rules as far
as results of chest radiographs need them. With `--profile` it also checks what thoraxd promises: closed templates,
upright boxes, words that agree with numbers, the statement that this is AI and unverified.

## What it catches

By `make mutations`, which writes this page, and fails when a seeded fault is missed or a clean object complained of.
The faults are in `tests/support/faults/`.

"""
NOTES = f"""
A public validator catches a fault when it says anything, error or warning, that it does not say of the clean object;
two of the five exit with 0 whatever they say. Several were not made for such faults: none but dcentvfy sees the source
image, and what only a viewer or thoraxd asks for is no error of the standard. Faults in bold are caught by none of
them. {NOT_FOR_IT}: not for this kind of object.
"""


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="the table")] = Path("docs/checker.md"),
    parallel: Annotated[int, typer.Option(help="validators at a time")] = 2,
) -> None:
    """Every seeded fault is caught by ours, and no clean object is complained of."""
    absent = validators.missing(*TOOLS)
    if absent:
        end([f"{program} is not installed" for program in absent], "mutations")
    folder = Path(tempfile.mkdtemp())
    try:
        table, alarms = rows(folder, parallel)
    finally:
        shutil.rmtree(folder)
    out.write_text(document(table, alarms))
    console.print(f"{len(table)} faults; caught by none of the public validators: {sum(o.ours_alone for o in table)}")
    for one in table:
        if one.ours_alone:
            console.print(f"  {one.mutation.name} ({one.mutation.clause})", markup=False, highlight=False)
    misses = [f"{one.mutation.name}: not caught in {', '.join(one.missed_in)}" for one in table if one.missed_in]
    end(misses + [f"clean, and complained of: {alarm}" for alarm in alarms], "every seeded fault is caught")


if __name__ == "__main__":
    app()
