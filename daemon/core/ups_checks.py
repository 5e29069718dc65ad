"""Whether a data set may create, change or finish a unified procedure step: PS3.4 CC.2.5 and CC.2.6, table CC.2.5-3.

Refusals name keywords, never values: MISSING_ATTRIBUTE (0120), MISSING_VALUE (0121), INVALID_VALUE (0106).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import isfinite

from pydicom import Dataset
from pydicom.config import RAISE
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.multival import MultiValue
from pydicom.valuerep import validate_value

from daemon.core.errors import UpsRefused
from daemon.core.ups import FINAL_STATE_UNMET, INVALID_VALUE, MISSING_ATTRIBUTE, MISSING_VALUE, State
from daemon.core.ups_attributes import RULES, Macro, Rule, binding

# Whose form PS3.5 6.2 gives; others hold any text or number.
_FORMED = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UI"})
DEEPEST = 16  # sequences within sequences; the standard's are six deep
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})  # such values are not kept

# Table CC.2.5-2b: the value of a content item, by its Value Type (0040,A040).
_CONTENT_VALUES: Mapping[str, tuple[str, ...]] = {
    "DATETIME": ("DateTime",),
    "DATE": ("Date",),
    "TIME": ("Time",),
    "PNAME": ("PersonName",),
    "UIDREF": ("UID",),
    "TEXT": ("TextValue",),
    "CODE": ("ConceptCodeSequence",),
    "NUMERIC": ("NumericValue", "MeasurementUnitsCodeSequence"),
}
_CODE_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")
# Table CC.2.5-2c: how the instances are had; one way is needed.
_RETRIEVALS = (
    "DICOMRetrievalSequence",
    "DICOMMediaRetrievalSequence",
    "WADORetrievalSequence",
    "XDSRetrievalSequence",
    "WADORSRetrievalSequence",
)


def check_created(ds: Dataset) -> None:
    """N-CREATE. Raises UpsRefused."""
    _forms(ds)
    for rule in RULES:
        _creating(ds, rule)
    _check_macros(ds)


def check_set(ds: Dataset) -> None:
    """N-SET. Raises UpsRefused."""
    _forms(ds)
    for rule in RULES:
        _setting(ds, rule)
    _check_macros(ds)


def check_final(ds: Dataset, state: State) -> None:
    """Final State Requirements, CC.2.5.1.1. Raises UpsRefused (C304)."""
    _finishing(ds, RULES, state)


def has_value(ds: Dataset, keyword: str) -> bool:
    """Whether the attribute is there, and not empty."""
    value = ds.get(keyword)
    return value is not None and value != "" and value != []


def _creating(ds: Dataset, rule: Rule) -> None:
    present, valued = rule.keyword in ds, has_value(ds, rule.keyword)
    if rule.create in ("1", "2", "empty") and not present:
        raise UpsRefused(MISSING_ATTRIBUTE, f"{rule.keyword} is missing")
    if rule.create == "1" and not valued:
        raise UpsRefused(MISSING_VALUE, f"{rule.keyword} is empty")
    if rule.create == "-" and present:
        raise UpsRefused(INVALID_VALUE, f"{rule.keyword} is not allowed here")
    if rule.create == "empty" and valued:
        raise UpsRefused(INVALID_VALUE, f"{rule.keyword} must be empty")
    _within(ds, rule, _creating)


def _setting(ds: Dataset, rule: Rule) -> None:
    present, valued = rule.keyword in ds, has_value(ds, rule.keyword)
    if rule.set == "-" and present:
        raise UpsRefused(INVALID_VALUE, f"{rule.keyword} cannot be changed")
    if rule.set == "1" and not present:
        raise UpsRefused(MISSING_ATTRIBUTE, f"{rule.keyword} is missing")
    if rule.set in ("1", "3/1") and present and not valued:
        raise UpsRefused(MISSING_VALUE, f"{rule.keyword} is empty")
    _within(ds, rule, _setting)


def _within(ds: Dataset, rule: Rule, check: Callable[[Dataset, Rule], None]) -> None:
    """The values that the attribute may have, and the rows of its items."""
    if rule.values and has_value(ds, rule.keyword) and ds[rule.keyword].value not in rule.values:
        raise UpsRefused(INVALID_VALUE, f"{rule.keyword} is none of {', '.join(rule.values)}")
    for item in _items(ds, rule.keyword) if rule.items else ():
        for row in rule.items:
            check(item, row)


def _finishing(ds: Dataset, rules: tuple[Rule, ...], state: State) -> None:
    for rule in binding(rules, state):
        met = rule.keyword in ds if rule.final == "P0" else has_value(ds, rule.keyword)
        if not met:
            raise UpsRefused(FINAL_STATE_UNMET, f"{state} needs {rule.keyword}")
        for item in _items(ds, rule.keyword):
            _finishing(item, rule.items, state)


def _items(ds: Dataset, keyword: str) -> list[Dataset]:
    value = ds.get(keyword)
    return list(value) if value else []


def is_ascii(ds: Dataset) -> bool:
    """Whether all of its text can do without a Specific Character Set."""
    return all(
        all(map(is_ascii, element.value)) if element.VR == "SQ" else all(map(str.isascii, texts(element)))
        for element in ds
    )


# Forms


def _forms(ds: Dataset) -> None:
    """Every attribute has the VR that PS3.6 gives it, and every value its form, all the way down."""
    for element in elements(ds):
        known = dictionary_has_tag(element.tag)
        if known and element.VR not in dictionary_VR(element.tag).split(" or "):
            raise UpsRefused(INVALID_VALUE, f"{element.keyword} is no {element.VR}")
        if element.VR == "SQ":
            for item in element.value:
                _forms(item)
        elif not _has_form(element):
            raise UpsRefused(INVALID_VALUE, f"{element.keyword or element.tag} is no {element.VR}")


def _has_form(element: DataElement) -> bool:
    """Whether it can be kept and told over DIMSE and as JSON: what cannot would spoil every search that meets it."""
    said = texts(element)
    if element.VR in _FORMED and not all(well_formed(element.VR, text) for text in said):
        return False
    written = DicomBytesIO()
    written.is_little_endian = written.is_implicit_VR = True
    try:
        "".join(said).encode()  # half a character, which JSON can say
        write_data_element(written, element, ["utf8"])
        return element.VR not in ("FD", "FL") or all(isfinite(float(text)) for text in said)
    except Exception:  # noqa: BLE001  pydicom has no closed set of errors for what is no value
        return False


def elements(ds: Dataset) -> Iterator[DataElement]:
    """Each element, converted. Raises UpsRefused (0106) for one that cannot be."""
    for tag in sorted(ds.keys()):
        try:
            element = ds[tag]
        except Exception as error:
            # pydicom's converters have no closed set of errors; all say that the bytes are no value of the VR.
            raise UpsRefused(INVALID_VALUE, f"{tag} cannot be read") from error
        yield element


def texts(element: DataElement) -> list[str]:
    """Its values as text; none where it is empty."""
    value = element.value
    if value is None or value == "":
        return []
    return [str(part) for part in value] if isinstance(value, (MultiValue, list)) else [str(value)]


def well_formed(vr: str, text: str) -> bool:
    """Whether a text is a value of its VR (PS3.5 6.2); real accession numbers overrun SH, and may be as long as LO."""
    try:
        validate_value("LO" if vr == "SH" else vr, text, RAISE)
    except ValueError:
        return False
    return True


# Macros


def _macros(rules: tuple[Rule, ...]) -> Iterator[tuple[int, Macro]]:
    for rule in rules:
        tag = tag_for_keyword(rule.keyword)
        if rule.macro and tag is not None:
            yield tag, rule.macro
        yield from _macros(rule.items)


_MACROS: Mapping[int, Macro] = dict(_macros(RULES))


def _check_macros(ds: Dataset) -> None:
    for element in ds:
        if element.VR != "SQ":
            continue
        macro = _MACROS.get(element.tag, "")
        for item in element.value:
            if macro:
                _MACRO_CHECKS[macro](item, element.keyword)
            _check_macros(item)


def _need(item: Dataset, keyword: str, within: str) -> None:
    if not has_value(item, keyword):
        raise UpsRefused(MISSING_ATTRIBUTE, f"{within}: {keyword} is missing")


def _code(item: Dataset, within: str) -> None:
    """Table CC.2.5-2a."""
    if not any(has_value(item, keyword) for keyword in _CODE_VALUES):
        raise UpsRefused(MISSING_ATTRIBUTE, f"{within}: CodeValue is missing")
    if not has_value(item, "URNCodeValue"):
        _need(item, "CodingSchemeDesignator", within)
    _need(item, "CodeMeaning", within)


def _content(item: Dataset, within: str) -> None:
    """Table CC.2.5-2b."""
    _need(item, "ValueType", within)
    _need(item, "ConceptNameCodeSequence", within)
    for name in item.ConceptNameCodeSequence:
        _code(name, "ConceptNameCodeSequence")
    if item.ValueType not in _CONTENT_VALUES:
        raise UpsRefused(INVALID_VALUE, f"{within}: ValueType is none of {', '.join(_CONTENT_VALUES)}")
    for keyword in _CONTENT_VALUES[item.ValueType]:
        _need(item, keyword, within)


def _references(item: Dataset, within: str) -> None:
    """Table CC.2.5-2c."""
    _need(item, "TypeOfInstances", within)
    _need(item, "ReferencedSOPSequence", within)
    for reference in item.ReferencedSOPSequence:
        _need(reference, "ReferencedSOPClassUID", within)
        _need(reference, "ReferencedSOPInstanceUID", within)
    if item.TypeOfInstances == "DICOM":
        _need(item, "StudyInstanceUID", within)
        _need(item, "SeriesInstanceUID", within)
    if not any(has_value(item, keyword) for keyword in _RETRIEVALS):
        raise UpsRefused(MISSING_ATTRIBUTE, f"{within}: no retrieval sequence")


_MACRO_CHECKS: Mapping[str, Callable[[Dataset, str], None]] = {
    "code": _code,
    "content": _content,
    "references": _references,
}
