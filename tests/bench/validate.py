"""Every SR and GSPS of a run through the public validators; their complaints, counted and named.

DicomSRValidator starts a Java machine for every file, so it sees a sample, whose size is said.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer
from pydicom import Dataset, dcmread
from rich.table import Table

from tests.bench.runs import console, end, sent
from tests.bench.tally import SR_CLASSES
from tests.support import validators
from tests.support.checks import PROGRAMS, Check, is_note, quick, readable, references, root_template, without_values

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def jobs_of(results: Sequence[tuple[Path, Dataset]], sources: dict[str, Path], sample: set[Path]) -> Iterator[Check]:
    """(validator, file, the call) for every file that the validator is for."""
    for path, ds in results:
        yield from quick(path, ds, [sources[uid] for uid in references(ds) if uid in sources])
        if path in sample:
            yield "DicomSRValidator", path, lambda path=path, ds=ds: validators.sr_validator(path, root_template(ds))  # type: ignore[misc]


def spread(reports: Sequence[tuple[Path, Dataset]], size: int, dice: random.Random) -> set[Path]:
    """`size` SRs by chance, in turn from those with no lesion, one, two, …: not all of them are templated alike."""
    kinds: dict[int, list[Path]] = {}
    for path, ds in dice.sample(reports, len(reports)):
        kinds.setdefault(str(ds.to_json()).count('"Measurement Group"'), []).append(path)
    turns = [path for turn in zip_longest(*kinds.values()) for path in turn if path is not None]
    return set(turns[:size])


@app.command()
def main(
    run: Annotated[Path, typer.Argument(help="the folder of an acceptance or kill run")],
    sample: Annotated[int, typer.Option(help="how many SRs DicomSRValidator sees")] = 12,
    seed: Annotated[int, typer.Option(help="chooses the sample")] = 7,
    parallel: Annotated[int, typer.Option(help="validators at a time")] = 2,
) -> None:
    """No complaint of dciodvfy, dcentvfy, dsrdump, dcmpschk and DicomSRValidator."""
    absent = validators.missing(*PROGRAMS)
    if absent:
        end([f"{program} is not installed" for program in absent], "validators")
    results = [(path, dcmread(path)) for path in sorted((run / "results").glob("*.dcm"))]
    sources = {film.sop_uid: readable(Path(film.path), run / "inflated") for film in sent(run)}
    chosen = spread([(path, ds) for path, ds in results if ds.SOPClassUID in SR_CLASSES], sample, random.Random(seed))
    with ThreadPoolExecutor(parallel) as pool:
        jobs = list(jobs_of(results, sources, chosen))
        answers = list(zip(jobs, pool.map(lambda job: job[2](), jobs), strict=True))
    console.print(summary(answers, f"{len(results)} objects, sample seed {seed}"))
    kinds = Counter(f"{name}: {without_values(line)}" for (name, _, _), said in answers for line in said)
    for kind, count in kinds.most_common():
        if is_note(kind):
            console.print(f"NOTE  {count} x {kind}", markup=False, highlight=False, soft_wrap=True)
    seen_in = {f"{name}: {without_values(line)}": path.name for (name, path, _), said in answers for line in said}
    misses = [f"{count} x {kind} (as in {seen_in[kind]})" for kind, count in kinds.most_common() if not is_note(kind)]
    end(misses + ([] if results else ["there are no objects"]), "no validator complains")


def summary(answers: Sequence[tuple[Check, list[str]]], title: str) -> Table:
    """Files, those without any complaint, and complaints of each validator."""
    files = Counter(name for (name, _, _), _ in answers)
    clean = Counter(name for (name, _, _), said in answers if not said)
    faults = Counter(name for (name, _, _), said in answers for line in said if not is_note(f"{name}: {line}"))
    notes = Counter(name for (name, _, _), said in answers for line in said if is_note(f"{name}: {line}"))
    table = Table("validator", "files", "clean", "faults", "notes", title=title)
    for name, count in files.items():
        table.add_row(name, str(count), str(clean[name]), str(faults[name]), str(notes[name]))
    return table


if __name__ == "__main__":
    app()
