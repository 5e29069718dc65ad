"""Who made the object and when: our equipment, the statement that it is AI, dates that agree (PS3.3 C.7.5, C.12.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from daemon.conform.fault import Fault
from daemon.conform.forms import COMPREHENSIVE_3D_SR, COMPREHENSIVE_SR
from daemon.conform.report_words import is_statement
from daemon.conform.subject import Subject

_MAKER = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions")
# Pairs of attributes that are the same moment as Instance Creation
_MOMENTS: Mapping[str, str] = {
    "ContentDate": "ContentTime",
    "PresentationCreationDate": "PresentationCreationTime",
    "DateOfSecondaryCapture": "TimeOfSecondaryCapture",
}
_PURPOSES = ("109102", "109103", "109104", "109105")  # of CID 7005


def equipment(subject: Subject) -> Iterator[Fault]:
    """C.12.1.1.5 Contributing Equipment: the detector, the same as in General Equipment; and the statement."""
    root = subject.root
    for maker in root.items("ContributingEquipmentSequence"):
        if not maker.items("PurposeOfReferenceCodeSequence") or not maker.has("Manufacturer"):
            yield Fault("equipment", maker.path, "without purpose or manufacturer")
    if not subject.ours:
        return
    if not is_statement(root.text("SeriesDescription")):
        yield Fault("statement", "SeriesDescription", "does not say that this is AI and unverified")
    if len(root.items("ContributingEquipmentSequence")) != 1:
        yield Fault("equipment", "ContributingEquipmentSequence", "not one item")
    for maker in root.items("ContributingEquipmentSequence"):
        if not is_statement(maker.whole("ContributionDescription")):
            yield Fault(
                "statement", maker.where("ContributionDescription"), "does not say that this is AI and unverified"
            )
        if maker.code("PurposeOfReferenceCodeSequence")[0] not in _PURPOSES:
            yield Fault(
                "equipment", maker.where("PurposeOfReferenceCodeSequence"), "no purpose of processing equipment"
            )
        for name in _MAKER:
            if maker.text(name) != root.text(name):
                yield Fault("equipment", maker.where(name), "differs from General Equipment")
    shape = "triage" in root.text("SeriesDescription")
    shaped = subject.sop_class_uid in (COMPREHENSIVE_SR, COMPREHENSIVE_3D_SR)
    if shaped and shape == subject.marking:
        yield Fault("shape", "SeriesDescription", "not the shape, marking or triage, that was asked for")


def dates(subject: Subject) -> Iterator[Fault]:
    """The object, its content and its presentation are of one moment."""
    root = subject.root
    for date, time in _MOMENTS.items():
        if (date in root) != (time in root):
            yield Fault("date", date, "date and time come together")
        if not subject.ours or date not in root:
            continue
        created = root.text("InstanceCreationDate"), root.text("InstanceCreationTime")
        if (root.text(date), root.text(time)) != created:
            yield Fault("date", date, "not the moment at which the object was made")
