"""A checker of PS3.16 TID 4100 and what it includes, row by row: no public validator knows the Chest CAD templates.

DicomSRValidator as Debian has it (20220618) checks the relationships of the IOD (PS3.3 Table A.35.6-2) and no template
of it; DCMTK says "Check for template constraints not yet supported". The rows are PS3.16's (2026a). Rows that refer to
the Image Library, measurements, and image quality are left out: what follows them is complained of like anything else
that is not in the table. Type "Non-Extensible", order "Significant".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

from pydicom import Dataset
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts

Rule = Callable[[Dataset], Iterator[str]]
_MANY = 10_000
# PS3.16 Annex B; of these a code of another meaning may be used instead. The others are Non-Extensible.
_EXTENSIBLE = {4010, 4011, 6100, 6101, 6102}


def _must(_: Dataset) -> bool | None:
    return True


def _may(_: Dataset) -> bool | None:
    return None


@dataclass(frozen=True)
class Row:
    """One row of a template table. `when`: given the parent, True: shall be present, False: shall not, None: may."""

    tid: str
    relationship: str
    value_type: str
    name: str
    when: Callable[[Dataset], bool | None] = _must
    most: int = 1
    value: Rule = field(default=lambda _: iter(()))
    below: tuple[Row, ...] = ()


def complaints(ds: Dataset) -> list[str]:
    """What keeps the tree of `ds` from following TID 4100."""
    template = ds.get("ContentTemplateSequence", [Dataset()])[0]
    said = [] if template.get("TemplateIdentifier") == "4100" else ["the root does not name TID 4100"]
    if (ds.get("ValueType"), _name(ds)) != ("CONTAINER", "112000"):
        said.append("TID 4100 row 1: not a Chest CAD Report")
    return [*said, *_children(ds, ROOT, "")]


def _children(parent: Dataset, rows: tuple[Row, ...], path: str) -> Iterator[str]:
    left = list(parent.get("ContentSequence", ()))
    for row in rows:
        taken = 0
        while left and taken < row.most and _fits(left[0], row):
            item = left.pop(0)
            yield from (f"{path}/{row.name} {row.tid}: {said}" for said in row.value(item))
            yield from _children(item, row.below, f"{path}/{row.name}")
            taken += 1
        wanted = row.when(parent)
        if (wanted and not taken) or (wanted is False and taken):
            yield f"{path} {row.tid}: {row.value_type} {row.name} {'missing' if wanted else 'not allowed here'}"
    yield from (f"{path}: {item.get('ValueType')} {_name(item)} not in the template or out of order" for item in left)


def _fits(item: Dataset, row: Row) -> bool:
    kind = item.get("RelationshipType"), item.get("ValueType")
    return kind == (row.relationship, row.value_type) and row.name in ("", _name(item))


def _name(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue) if item.get("ConceptNameCodeSequence") else ""


def _value(item: Dataset) -> str:
    return str(item.ConceptCodeSequence[0].CodeValue)


@cache
def _group(cid: int) -> frozenset[str]:
    """The code values of a context group."""
    named = ((scheme, name) for scheme, names in cid_concepts[cid].items() for name in names)
    return frozenset(code for scheme, name in named for code in concepts[scheme][name])


def of(*cids: int) -> Rule:
    """The coded value is of one of the context groups, or extends them by a code of a public scheme."""

    def rule(item: Dataset) -> Iterator[str]:
        scheme = item.ConceptCodeSequence[0].CodingSchemeDesignator
        known = any(_value(item) in _group(cid) for cid in cids)
        if not known and not (_EXTENSIBLE.issuperset(cids) and scheme in ("DCM", "SCT")):
            yield f"{_value(item)} is not of CID {cids}"

    return rule


def measured(*units: str, whole: bool = False) -> Rule:
    """The number is in one of the units; percent within 0 to 100; an integer where only that is allowed."""

    def rule(item: Dataset) -> Iterator[str]:
        (said,) = item.MeasuredValueSequence
        unit, number = str(said.MeasurementUnitsCodeSequence[0].CodeValue), float(said.NumericValue)
        if unit not in units:
            yield f"unit {unit}"
        if (unit == "%" and not 0 <= number <= 100) or (whole and number != int(number)):
            yield f"value {number}"

    return rule


def drawn(*kinds: str) -> Rule:
    """The graphic is of one of the types; of the right number of points; a polyline of an outline is closed."""

    def rule(item: Dataset) -> Iterator[str]:
        points = [float(value) for value in item.GraphicData]
        if item.GraphicType not in kinds or (item.GraphicType == "POINT") != (len(points) == 2):
            yield f"{item.GraphicType} of {len(points)} numbers"
        elif item.GraphicType == "POLYLINE" and points[:2] != points[-2:]:
            yield "an outline that is not closed"

    return rule


def _as_many_points_as_stated(item: Dataset) -> Iterator[str]:
    """TID 4023 row 6: as many as row 1 says, plus 1."""
    yield from of(6101, 6102)(item)
    below = list(item.get("ContentSequence", ()))
    stated = [int(one.MeasuredValueSequence[0].NumericValue) for one in below if _name(one) == "111072"]
    tables = [one for one in below if _name(one) == "111093"]
    for table in tables:
        if [sum(_name(one) == "111071" for one in table.ContentSequence)] != [most + 1 for most in stated]:
            yield "TID 4023 row 6: not as many operating points as row 1 says, plus 1"


def _not_attempted(item: Dataset) -> Iterator[str]:
    """Any other value of CID 6042 would demand row 9, TID 4016, which is not in this table."""
    if _value(item) != "111225":
        yield f"{_value(item)} without TID 4016"


def _unless_there(*names: str) -> Callable[[Dataset], bool | None]:
    """Shall be present unless one of the others is; then may."""
    return lambda parent: None if any(_name(item) in names for item in parent.get("ContentSequence", ())) else True


def _if_value(*values: str) -> Callable[[Dataset], bool | None]:
    """Shall be present if, and only if, the parent's coded value is one of these."""
    return lambda parent: _value(parent) in values


def _algorithm(relationship: str) -> tuple[Row, ...]:
    return (
        Row("TID 4019 row 1", relationship, "TEXT", "111001"),
        Row("TID 4019 row 2", relationship, "TEXT", "111003"),
        Row("TID 4019 row 3", relationship, "TEXT", "111002", _may, _MANY),
    )


_ACQ, _MOD, _OBS, _HAS = "HAS ACQ CONTEXT", "HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS PROPERTIES"
_LENGTH = measured("mm", "um")
_PIXELS = measured("{pixels}", whole=True)

_LIBRARY_ENTRY = (
    Row("TID 4020 row 2", _ACQ, "CODE", "111027", _may, value=of(244)),
    Row("TID 4020 row 3", _ACQ, "CODE", "111031", _may, value=of(4010),
        below=(Row("TID 4020 row 4", _MOD, "CODE", "111032", _may, _MANY, of(4011)),)),
    Row("TID 4020 row 5", _ACQ, "TEXT", "111044", _may),
    Row("TID 4020 row 6", _ACQ, "TEXT", "111043", _may),
    Row("TID 4020 row 7", _ACQ, "DATE", "111060", _may),
    Row("TID 4020 row 8", _ACQ, "TIME", "111061", _may),
    Row("TID 4020 row 9", _ACQ, "DATE", "111018", _may),
    Row("TID 4020 row 10", _ACQ, "TIME", "111019", _may),
    Row("TID 4020 row 11", _ACQ, "NUM", "111026", _may, value=_LENGTH),
    Row("TID 4020 row 12", _ACQ, "NUM", "111066", _may, value=_LENGTH),
    Row("TID 4020 row 27", _ACQ, "NUM", "110910", _may, value=_PIXELS),
    Row("TID 4020 row 28", _ACQ, "NUM", "110911", _may, value=_PIXELS),
)  # fmt: skip
_SELECTED = (Row("TID 4107 row 2", "SELECTED FROM", "IMAGE", ""),)
_FINDING = (
    Row("TID 4104 row 2", _MOD, "CODE", "112024", _may, value=of(6102)),
    Row("TID 4104 row 4", _MOD, "CODE", "112003", _if_value("112005"), value=of(6100)),
    Row("TID 4104 row 6", _MOD, "CODE", "111056", value=of(6034)),
    Row("TID 4108 row 1", _OBS, "TEXT", "112039", _may),
    Row("TID 4108 row 2", _OBS, "UIDREF", "112040", _may),
    *_algorithm(_OBS),  # row 11
    Row("TID 4104 row 12", _HAS, "NUM", "111012", _may, value=measured("%")),
    Row("TID 4107 row 1", _HAS, "SCOORD", "111010", _unless_there("111041"), value=drawn("POINT"), below=_SELECTED),
    Row("TID 4107 row 4", _HAS, "SCOORD", "111041", _unless_there("111010"),
        value=drawn("POLYLINE", "CIRCLE", "ELLIPSE"), below=_SELECTED),
    Row("TID 4105 row 9", _HAS, "CODE", "272741003", _may, value=of(244)),
)  # fmt: skip
_POINT = (
    Row("TID 4023 row 7", _HAS, "TEXT", "111081", _may),
    Row("TID 4023 row 8", _HAS, "NUM", "111012", _may, value=measured("%")),
)
_POINT_TABLE = (
    Row("TID 4023 row 4", "CONTAINS", "CODE", "122698", value=of(6048)),
    Row("TID 4023 row 5", "CONTAINS", "CODE", "122699", value=of(6048)),
    Row("TID 4023 row 6", "CONTAINS", "NUM", "111071", most=_MANY, value=measured("{0:0}", whole=True), below=_POINT),
)
_DETECTION = (
    *_algorithm(_HAS),  # TID 4017 row 2
    Row("TID 4017 row 3", _HAS, "IMAGE", "", most=_MANY),
    Row("TID 4023 row 1", _HAS, "NUM", "111072", _may, value=measured("[arb'U]", whole=True)),
    Row("TID 4023 row 2", _HAS, "NUM", "111092", _may, value=measured("{0:0}", whole=True)),
    Row("TID 4023 row 3", _HAS, "CONTAINER", "111093", _may, below=_POINT_TABLE),
)
_DETECTIONS = (
    Row("TID 4017 row 1", "CONTAINS", "CODE", "111022", most=_MANY, value=_as_many_points_as_stated, below=_DETECTION),
)
_PERFORMED = (
    Row("TID 4015 row 1", "INFERRED FROM", "CONTAINER", "111063", _if_value("111222", "111223"), below=_DETECTIONS),
    Row("TID 4015 row 3", "INFERRED FROM", "CONTAINER", "111025", _if_value("111224", "111223"), below=_DETECTIONS),
)
_LIBRARY = (Row("TID 4100 row 4", "CONTAINS", "IMAGE", "", most=_MANY, below=_LIBRARY_ENTRY),)
_SUMMARY = (Row("TID 4101 row 3", "INFERRED FROM", "CODE", "111059", _may, _MANY, of(6101), _FINDING),)
ROOT = (
    Row("TID 4100 row 2, TID 1204", _MOD, "CODE", "121049"),
    Row("TID 4100 row 3", "CONTAINS", "CONTAINER", "111028", _may, below=_LIBRARY),
    Row("TID 4101 row 1", "CONTAINS", "CODE", "111017", value=of(6047), below=_SUMMARY),
    Row("TID 4100 row 6", "CONTAINS", "CODE", "111064", value=of(6042), below=_PERFORMED),
    Row("TID 4100 row 8", "CONTAINS", "CODE", "111065", value=_not_attempted),
)
