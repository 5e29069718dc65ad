"""The strata that are reported apart, because what tells them apart also tells the class.

Folders, their sources, PA and AP, ranges of the NIH patient number (its normals and abnormals are of other times and
scanners), and RSNA's normals against each kind of its abnormal films.
"""

from __future__ import annotations

from model.judge.graded import Graded
from model.train.films import Film

VIEWS = ("PA", "AP")
RSNA_LABELS = ("Lung Opacity", "No Lung Opacity / Not Normal")
LEAST_CLASS = 10  # films of each class below which a group's figure is not printed
# NIH numbers: nih128 lies in 1337..3923, 71 % of the normals of nih up to 508
NUMBERS = ((1, 508), (509, 1336), (1337, 2000), (2001, 2700), (2701, 3400), (3401, 4000), (4001, 12000), (12001, 30805))


def by_folder(graded: Graded) -> dict[str, Graded]:
    """The films of each folder, in the order of their names."""
    folders = sorted({film.folder for film in graded.films})
    return {folder: graded.where(lambda film, folder=folder: film.folder == folder) for folder in folders}  # type: ignore[misc]


def groups(graded: Graded) -> dict[str, Graded]:
    """The reported strata with enough films of both classes, by name."""
    found: dict[str, Graded] = {}
    for folder, own in by_folder(graded).items():
        found[folder] = own
        found |= _views(folder, own)
        for source in sorted({film.source for film in own.films} - {folder}):
            part = own.where(lambda film, source=source: film.source == source)  # type: ignore[misc]
            found |= {f"{folder}, {source}": part} | _views(f"{folder}, {source}", part)
        for kind in RSNA_LABELS:
            part = own.where(lambda film, kind=kind: film.normal or kind in film.labels)  # type: ignore[misc]
            if any(kind in film.labels for film in part.films):
                name = f"{folder}, Normal vs {kind}"
                found |= {name: part} | _views(name, part)
        for low, high in NUMBERS:
            part = own.where(lambda film, low=low, high=high: low <= (patient_number(film) or 0) <= high)  # type: ignore[misc]
            found[f"{folder}, patients {low}-{high}"] = part
    return {name: group for name, group in found.items() if enough(group)}


def enough(graded: Graded) -> bool:
    """Whether both classes have films enough for a figure."""
    return min(int(graded.abnormal.sum()), int((~graded.abnormal).sum())) >= LEAST_CLASS


def patient_number(film: Film) -> int | None:
    """The NIH patient number; None where it is not known."""
    kind, _, number = film.patient.partition(":")
    return int(number) if kind == "patient" else None


def _views(name: str, graded: Graded) -> dict[str, Graded]:
    return {f"{name}, {view}": graded.where(lambda film, view=view: film.view == view) for view in VIEWS}  # type: ignore[misc]
