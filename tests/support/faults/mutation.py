"""Single faults, each seeded into one valid object, with the clause that it breaks.

A fault changes the data set in place (`change`) or the bytes of the file (`spoil`). `of` names the objects of
tests/support/conform.py that it is seeded into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO

from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

from worker.encode.reading import muted

SRS = ("sr air", "sr stone", "sr ohif")
DOCUMENTS = (*SRS, "chest-cad-sr", "text-sr", "kos")
EVERY = (*DOCUMENTS, "gsps", "sc", "parametric-map", "rejection")


@dataclass(frozen=True)
class Mutation:
    """One fault. clause: of the standard, or the viewer whose rule it is."""

    name: str
    clause: str
    of: tuple[str, ...]
    change: Callable[[Dataset], None] = lambda _ds: None
    spoil: Callable[[bytes], bytes] = lambda file: file

    def seeded(self, valid: Dataset) -> bytes:
        """The file of `valid` with the fault."""
        ds = deepcopy(valid)
        buffer = BytesIO()
        with muted():
            self.change(ds)
            ds.save_as(buffer, enforce_file_format=True)
        return self.spoil(buffer.getvalue())


def reread(file: bytes) -> Dataset:
    """The data set of a spoiled file."""
    return dcmread(BytesIO(file), force=True)


def nodes(item: Dataset, concept: str = "", value_type: str = "") -> Iterator[Dataset]:
    """The content items below `item` at every depth, by concept and value type."""
    for child in item.get("ContentSequence", []):
        named = child.get("ConceptNameCodeSequence") or [Dataset()]
        if concept in ("", named[0].get("CodeValue")) and value_type in ("", child.get("ValueType")):
            yield child
        yield from nodes(child, concept, value_type)


def node(item: Dataset, concept: str = "", value_type: str = "", place: int = 0) -> Dataset:
    """One of them."""
    return list(nodes(item, concept, value_type))[place]


def parent_of(root: Dataset, child: Dataset) -> Dataset:
    """The item that holds a content item."""
    return next(item for item in (root, *nodes(root)) if any(each is child for each in item.get("ContentSequence", [])))


def drop(root: Dataset, child: Dataset) -> None:
    """Take a content item out."""
    held = parent_of(root, child)
    held.ContentSequence = Sequence([each for each in held.ContentSequence if each is not child])


def put(name: str, value: object) -> Callable[[Dataset], None]:
    """A fault that sets a top-level attribute; None deletes it."""

    def change(ds: Dataset) -> None:
        if value is None:
            del ds[name]
        else:
            setattr(ds, name, value)

    return change


def in_node(
    concept: str, value_type: str, change: Callable[[Dataset], None], place: int = 0
) -> Callable[[Dataset], None]:
    """A fault in one content item."""
    return lambda ds: change(node(ds, concept, value_type, place))


def without_node(concept: str, value_type: str = "") -> Callable[[Dataset], None]:
    """A fault that takes the first content item of a concept out."""
    return lambda ds: drop(ds, node(ds, concept, value_type))


def evidence(ds: Dataset) -> Dataset:
    """The first series of the evidence."""
    return ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]


def move(item: Dataset, dx: float, dy: float) -> None:
    """Shift the graphic of an item."""
    data = list(item.GraphicData)
    item.GraphicData = [value + (dx, dy)[number % 2] for number, value in enumerate(data)]


def open_up(item: Dataset) -> None:
    """Take the last point of a graphic away from the first."""
    item.GraphicData = [*list(item.GraphicData)[:-2], item.GraphicData[0] + 3, item.GraphicData[1] + 3]


def code(item: Dataset, name: str, **changes: str | None) -> None:
    """Change the code in a code sequence of an item."""
    for keyword, value in changes.items():
        put(keyword, value)(item[name].value[0])


def a_code(value: str, scheme: str, meaning: str) -> Sequence:
    """A code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def text_item(words: str, concept: tuple[str, str, str] = ("121106", "DCM", "Comment")) -> Dataset:
    """A TEXT content item."""
    item = Dataset()
    item.RelationshipType, item.ValueType, item.TextValue = "CONTAINS", "TEXT", words
    item.ConceptNameCodeSequence = a_code(*concept)
    return item


def measured(ds: Dataset, place: int = 0) -> Dataset:
    """The measured value of the `place`th certainty."""
    return node(ds, "111012", "NUM", place).MeasuredValueSequence[0]


def graphic(ds: Dataset, place: int = 0) -> Dataset:
    """A graphic object of a GSPS."""
    return ds.GraphicAnnotationSequence[0].GraphicObjectSequence[place]


def words(ds: Dataset, place: int = 0) -> Dataset:
    """A text object of a GSPS."""
    return ds.GraphicAnnotationSequence[0].TextObjectSequence[place]


def shared(ds: Dataset) -> Dataset:
    """The shared functional groups of a parametric map."""
    return ds.SharedFunctionalGroupsSequence[0]
