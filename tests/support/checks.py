"""Which public validators an object is for, and what they say of it that its source images did not bring along."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import (
    BasicTextSRStorage,
    ChestCADSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
)

from tests.support import chest_cad_template, validators

PROGRAMS = ("dciodvfy", "dcentvfy", "dsrdump", "dsr2html", "dcmpschk", "DicomSRValidator")
# The root template that PixelMed must find in a document that names one. Basic Text has none of ours, and PixelMed does
# not know TID 4100 (chest_cad_template.py does); of these two it checks the IOD.
_ROOT_TEMPLATES = {
    Comprehensive3DSRStorage: "TID_1500",
    ComprehensiveSRStorage: "TID_1500",
    ChestCADSRStorage: "",
    KeyObjectSelectionDocumentStorage: "TID_2010",
    BasicTextSRStorage: "",
}
DOCUMENTS = frozenset(_ROOT_TEMPLATES)
Check = tuple[str, Path, Callable[[], list[str]]]


def quick(path: Path, ds: Dataset, images: Sequence[Path]) -> Iterator[Check]:
    """(validator, file, the call) of every validator but DicomSRValidator; images: the object's source images."""
    yield "dciodvfy", path, lambda: _own(path, images)
    yield "dcentvfy", path, lambda: validators.dcentvfy(*images, path)
    if ds.SOPClassUID in _ROOT_TEMPLATES:
        yield "dsrdump", path, lambda: validators.dsrdump(path)
        yield "dsr2html", path, lambda: validators.dsr2html(path)
    if ds.SOPClassUID == ChestCADSRStorage:
        yield "TID 4100", path, lambda: chest_cad_template.complaints(ds)
    if ds.SOPClassUID == GrayscaleSoftcopyPresentationStateStorage:
        yield "dcmpschk", path, lambda: _state(path)


def root_template(ds: Dataset) -> str:
    """The template that a document's root is of, as PixelMed calls it; "" where it names none."""
    return _ROOT_TEMPLATES[ds.SOPClassUID] if "ContentTemplateSequence" in ds else ""


def references(ds: Dataset) -> set[str]:
    """Every Referenced SOP Instance UID of an object, at any depth."""
    return {str(element.value) for element in ds.iterall() if element.keyword == "ReferencedSOPInstanceUID"}


def readable(image: Path, folder: Path) -> Path:
    """The film as dcentvfy can read it: rewritten if deflated or with values of odd length."""
    ds = dcmread(image)
    inflated = ds.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    if not inflated and not validators.dcentvfy(image):
        return image
    folder.mkdir(exist_ok=True)
    if inflated:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(folder / image.name)
    return folder / image.name


def is_note(kind: str) -> bool:
    """dciodvfy's warnings are remarks, many on what the source image brought along; its errors are faults."""
    return kind.startswith("dciodvfy: Warning") or ": inherited: " in kind


def without_values(line: str) -> str:
    """A complaint without the value it is about, so that like ones count together."""
    return re.sub(r"<[^>]*>|\[[^\]]*\]", "…", line)


def _own(path: Path, images: Sequence[Path]) -> list[str]:
    """dciodvfy's complaints; what it says of a source image too is inherited, since it is copied."""
    copied = {line for image in images for line in _of_image(image)}
    return [f"inherited: {line}" if line in copied else line for line in validators.dciodvfy(path)]


@cache
def _of_image(image: Path) -> frozenset[str]:
    return frozenset(validators.dciodvfy(image))


def _state(path: Path) -> list[str]:
    """dcmpschk's complaints; those on the patient's name are inherited, since it is copied.

    It wants a name, which the source image need not have, and takes all component groups of one for a single group.
    """
    said = validators.dcmpschk(path)
    about = [line for line in said if "Affected attribute" in line or "absent or empty" in line]
    faults = [line for line in said if "Error: " in line or "absent or empty" in line]
    if about and len(about) == len(faults) and all("patientname" in line.lower() for line in about):
        return [f"inherited: {line}" for line in said]
    return said
