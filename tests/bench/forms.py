"""Every form of result of 50 odd films and what real ones there are, through every public validator and our own check.

Writes the films and objects into a folder, prints what each validator said of each form, and ends with 1 when one of
them found a fault. DicomSRValidator is slow: it sees every Chest CAD SR and a sample of the other documents.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydicom import Dataset, dcmread
from pydicom.uid import ChestCADSRStorage
from rich.table import Table

from daemon import conform
from daemon.conform import Expected
from tests.bench.runs import DATA, console, end
from tests.support import checks, validators
from tests.support.form_cases import FORMS, Case, cases, rejected

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Made:
    """One object in its file, with what was asked for and the films that it is of."""

    asked: Expected
    case: str
    path: Path
    ds: Dataset
    films: tuple[Path, ...]

    @property
    def form(self) -> str:
        """The output, with its profile where it has one."""
        return f"{self.asked.kind} {self.asked.profile}".strip()


Answer = tuple[Made, str, list[str]]  # an object, a validator, what it said


def make(case: Case, folder: Path) -> Iterator[Made]:
    """The objects of one study as files, with those of its films that they refer to, as validators can read them."""
    films = {uid_of(film): checks.readable(film, folder.with_name("rewritten")) for film in case.films}
    results = list(case.objects())
    for number, encoded in enumerate([*results, rejected(case, results)]):
        name = "-".join((encoded.kind, *filter(None, [encoded.profile]), "marks" if encoded.marking else "triage"))
        path = folder / f"{case.films[0].stem}-{number:02}-{name}.dcm"
        path.write_bytes(encoded.to_bytes())
        asked = Expected(encoded.kind, encoded.profile, encoded.marking)
        ds = dcmread(path, stop_before_pixels=True)
        named = set(films) if encoded.kind == "rejection" else checks.references(ds)  # a note refers to results
        yield Made(asked, case.name, path, ds, tuple(film for uid, film in films.items() if uid in named))


def uid_of(film: Path) -> str:
    """SOP Instance UID of a file."""
    return str(dcmread(film, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)


def sampled(made: Sequence[Made], size: int) -> set[Path]:
    """The files that DicomSRValidator sees: all Chest CAD SRs, and `size` of each other form of document, by chance."""
    chosen = {one.path for one in made if one.ds.SOPClassUID == ChestCADSRStorage}
    for form in {one.form for one in made}:
        of_form = [one.path for one in made if one.form == form]
        chosen |= set(random.Random(form).sample(of_form, min(size, len(of_form))))
    return chosen


@app.command()
def main(
    folder: Annotated[Path, typer.Option(help="where films and objects are left")] = Path("bench-out/forms"),
    data: Annotated[Path, typer.Option(help="the folder of real films")] = DATA,
    sample: Annotated[int, typer.Option(help="documents of each form, but Chest CAD, that DicomSRValidator sees")] = 10,
    every: Annotated[bool, typer.Option("--all", help="DicomSRValidator sees every document")] = False,
    parallel: Annotated[int, typer.Option(help="validators at a time")] = 2,
) -> None:
    """No fault in any form of any film."""
    absent = validators.missing(*checks.PROGRAMS)
    if absent:
        end([f"{program} is not installed" for program in absent], "validators")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "objects").mkdir(parents=True)
    studies = list(cases(folder / "films", data / "dicom" if (data / "dicom").is_dir() else None))
    made = [one for case in studies for one in make(case, folder / "objects")]
    documents = [one for one in made if one.ds.SOPClassUID in checks.DOCUMENTS]
    slow = {one.path for one in documents} if every else sampled(documents, sample)
    jobs = [(one, check) for one in made for check in checks.quick(one.path, one.ds, one.films)]
    with ThreadPoolExecutor(parallel) as pool:
        said = list(pool.map(lambda job: job[1][2](), jobs))
    answers = [(one, name, lines) for (one, (name, _, _)), lines in zip(jobs, said, strict=True)]
    answers += [(one, "our check", checked(one)) for one in made]
    answers += templates([one for one in made if one.path in slow], parallel)
    films = len({film for case in studies for film in case.films})
    console.print(summary(answers, f"{len(made)} objects of {len(studies)} studies with {films} films"))
    end(faults(answers) + missing(made), "no validator found a fault in any form")


def templates(documents: Sequence[Made], parallel: int) -> list[Answer]:
    """DicomSRValidator's answers; several Java machines, each with its share, where there is a compiler for it."""
    roots = {one.path: checks.root_template(one.ds) for one in documents}
    files = list(roots)
    shares = [{path: roots[path] for path in files[n::parallel]} for n in range(parallel)]
    with ThreadPoolExecutor(parallel) as pool:
        if validators.missing("javac"):
            said = dict(
                zip(files, pool.map(lambda path: validators.sr_validator(path, roots[path]), files), strict=True)
            )
        else:
            said = {path: lines for part in pool.map(validators.sr_validators, shares) for path, lines in part.items()}
    return [(one, "DicomSRValidator", said[one.path]) for one in documents]


def checked(one: Made) -> list[str]:
    """What our own check before sending says of an object."""
    sources = [dcmread(film, stop_before_pixels=True) for film in one.films]
    return [str(fault) for fault in conform.faults(dcmread(one.path), sources, one.asked)]


def missing(made: Sequence[Made]) -> list[str]:
    """Forms of which no object was made."""
    there = {one.form for one in made}
    return [
        f"no object of {kind} {profile}".strip() for kind, profile in FORMS if f"{kind} {profile}".strip() not in there
    ]


def summary(answers: Sequence[Answer], title: str) -> Table:
    """Files, those without a fault, faults and inherited or harmless remarks, for each form and validator."""
    table = Table("form", "validator", "files", "without fault", "faults", "remarks", title=title)
    for form, name in dict.fromkeys((one.form, name) for one, name, _ in answers):
        said = [lines for one, validator, lines in answers if (one.form, validator) == (form, name)]
        wrong = [[line for line in lines if not checks.is_note(f"{name}: {line}")] for lines in said]
        remarks = sum(map(len, said)) - sum(map(len, wrong))
        table.add_row(form, name, *map(str, (len(said), wrong.count([]), sum(map(len, wrong)), remarks)))
    return table


def faults(answers: Sequence[Answer]) -> list[str]:
    """Each kind of fault with its count and one study and file that has it; remarks are printed."""
    kinds: Counter[str] = Counter()
    seen_in: dict[str, str] = {}
    for one, name, lines in answers:
        for line in lines:
            kind = f"{name}: {one.form}: {checks.without_values(line)}" if not checks.is_note(f"{name}: {line}") else ""
            kind = kind or f"NOTE {name}: {checks.without_values(line)}"
            kinds[kind] += 1
            seen_in.setdefault(kind, f"{one.case}; {one.path.name}: {line}")
    for kind, count in kinds.most_common():
        if kind.startswith("NOTE "):
            console.print(f"{count} x {kind}", markup=False, highlight=False, soft_wrap=True)
    return [
        f"{count} x {kind} ({seen_in[kind]})" for kind, count in kinds.most_common() if not kind.startswith("NOTE ")
    ]


if __name__ == "__main__":
    app()
