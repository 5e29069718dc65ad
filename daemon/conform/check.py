"""The check as a whole: every rule on one object, and a rule that breaks is a fault like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from daemon.conform import common
from daemon.conform.agreement import agreement
from daemon.conform.basic_text import basic_text
from daemon.conform.capture import capture
from daemon.conform.chest_cad import chest_cad
from daemon.conform.codes import codes
from daemon.conform.content import content
from daemon.conform.document import document, library
from daemon.conform.equipment import dates, equipment
from daemon.conform.fault import Expected, Fault
from daemon.conform.forms import FORMS
from daemon.conform.grey import grey
from daemon.conform.imaging_report import imaging_report
from daemon.conform.key_objects import key_objects
from daemon.conform.origin import origin
from daemon.conform.parametric_map import parametric_map
from daemon.conform.places import no_location
from daemon.conform.presentation import presentation
from daemon.conform.references import references
from daemon.conform.subject import Subject
from daemon.conform.terms import terms
from daemon.conform.tree import relationships
from daemon.conform.view import Item, view

Rule = Callable[[Subject], Iterator[Fault]]
_RULES: tuple[Rule, ...] = (
    *(common.file_meta, common.identity, common.uids, common.attributes, equipment, dates, terms),
    *(origin, references, codes, relationships, content, document, library),
    *(imaging_report, chest_cad, basic_text, key_objects, presentation, grey, capture, parametric_map, agreement),
    no_location,
)
_AHEAD = timedelta(hours=15)  # the zones of the world span 26 hours; UTC+14 is the furthest ahead


def faults(
    ds: Dataset,
    sources: Sequence[Dataset] = (),
    expected: Expected | None = None,
    now: datetime | None = None,
) -> list[Fault]:
    """What keeps `ds` from being sent; [] when it may be.

    sources: headers of the study's images as received; without them, what takes them is not checked. expected: what the
    destination asked for; without it the object is held to the standard alone, and to what it says of itself. now:
    dates after it are faults; None asks for none. Never raises, and leaves `ds` as it is.
    """
    try:
        subject = _subject(ds, sources, expected)
    except Exception as error:  # noqa: BLE001 - whatever the data set holds, the answer is a fault
        return [Fault("crash", "", f"cannot be read: {type(error).__name__}")]
    found: list[Fault] = []
    for rule in _RULES:
        try:
            found += rule(subject)
        except Exception as error:  # noqa: BLE001
            found.append(Fault("crash", "", f"{rule.__name__}: {type(error).__name__}"))
    if now is not None:
        found += _in_future(subject, now)
    return list(dict.fromkeys(found))


def _subject(ds: Dataset, sources: Sequence[Dataset], expected: Expected | None) -> Subject:
    root, meta = view(ds), getattr(ds, "file_meta", None)
    form = FORMS.get(root.text("SOPClassUID"))
    kind = expected.kind if expected else form.kinds[0] if form and len(form.kinds) == 1 else ""
    return Subject(
        root=root,
        meta=view(meta) if meta is not None else None,
        sources=_by_uid(sources),
        kind=kind,
        profile=expected.profile if expected and kind == "sr" else "",
        marking=expected.marking if expected else "triage" not in root.text("SeriesDescription"),
        ours=expected is not None,
    )


def _by_uid(sources: Sequence[Dataset]) -> Mapping[str, Item]:
    """The source images by SOP Instance UID; for what a data set lacks of its identity, its file meta may have it."""
    found = {}
    for source in sources:
        seen, meta = view(source), view(getattr(source, "file_meta", None) or Dataset())
        for name in ("SOPClassUID", "SOPInstanceUID"):
            if not seen.has(name) and meta.has(f"MediaStorage{name}"):
                seen.attributes[name] = meta.attributes[f"MediaStorage{name}"]
        found[seen.text("SOPInstanceUID")] = seen
    return found


def _in_future(subject: Subject, now: datetime) -> Iterator[Fault]:
    latest = (now + _AHEAD).strftime("%Y%m%d")
    for name in ("InstanceCreationDate", "ContentDate", "PresentationCreationDate", "DateOfSecondaryCapture"):
        if subject.root.text(name) > latest:
            yield Fault("date-future", name, "in the future")
