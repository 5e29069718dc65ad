"""UIDs that are derived, not drawn: the same inputs give the same object, other inputs another one.

UUIDv5 (RFC 9562, 5.5) of the named parts, written as a UID below 2.25 (PS3.5 B.2). What goes into an object other
than the findings and the date goes into its UID, so content never changes under one UID: the findings follow from
the images and the weights, and the date comes from the ledger once.
"""

from __future__ import annotations

import uuid

from pydicom.uid import UID

from model.findings import ModelIdentity
from worker.encode.request import Maker, ReportRequest, SourceImage
from worker.encode.source import Source

# The namespace of every UID that thoraxd derives. Changing it orphans every predecessor: never.
NAMESPACE = uuid.UUID("25b06bc8-4260-4374-ac0e-59437ccd8e63")

# Raised by one whenever the encoders write other content for the same request.
FORM = "3"

IMPLEMENTATION_CLASS_UID = UID("2.25.332813618043902149729870727272361911743")
IMPLEMENTATION_VERSION = "THORAXD"


def derive(*parts: str) -> UID:
    """The UID of these parts, in this order."""
    return UID(f"2.25.{uuid.uuid5(NAMESPACE, chr(31).join(parts)).int}")


def series_uid(study_uid: str, kind: str, profile: str, marking: bool, identity: ModelIdentity) -> UID:
    """One series per study, kind, flavour and weights: revisions land in the same series."""
    return derive("series", study_uid, kind, profile, _shape(marking), identity.digest)


def sr_uid(request: ReportRequest, study_uid: str, profile: str, marking: bool) -> UID:
    """The SR of exactly these inputs in this revision."""
    return study_object_uid(request, "sr", study_uid, profile, marking)


def gsps_uid(request: ReportRequest, image: SourceImage, marking: bool) -> UID:
    """The GSPS of one image: other images of the study and revisions do not enter."""
    return image_object_uid(request, "gsps", image, marking)


def image_object_uid(request: ReportRequest, kind: str, image: SourceImage, marking: bool) -> UID:
    """The object of one form on one image: other images of the study and revisions do not enter."""
    return derive(kind, FORM, _shape(marking), *_made_by(request), _input(image))


def study_object_uid(request: ReportRequest, kind: str, study_uid: str, profile: str, marking: bool) -> UID:
    """The object of one form on exactly these inputs in this revision."""
    inputs = sorted(_input(image) for image in request.images)
    before = sorted(reference.sop_instance_uid for reference in request.predecessors)
    told = (FORM, study_uid, profile, _shape(marking), *_made_by(request), str(request.revision))
    return derive(kind, *told, *inputs, *request.set_aside, "", *before)


def lesion_tracking_uid(image: SourceImage, identity: ModelIdentity, number: int) -> UID:
    """The tracking UID of the film's `number`th shown lesion: the same in every flavour, GSPS and revision."""
    return derive("lesion", _input(image), identity.version, identity.digest, str(number))


def device_uid(maker: Maker) -> UID:
    """The Device Observer UID: this station with these weights."""
    return derive("device", *_device(maker))


def _made_by(request: ReportRequest) -> tuple[str, ...]:
    again = (f"after {request.generation} withdrawals",) if request.generation else ()
    return (*_device(request), *again)


def _device(maker: Maker) -> tuple[str, ...]:
    identity = maker.identity
    return (maker.station, identity.name, identity.version, identity.digest, identity.operating_point)


def _input(image: SourceImage) -> str:
    cut = f"{image.findings.operating_point:.6f}" if image.findings else f"not analysed: {image.not_analysed}"
    return "|".join((Source(image.header).sop_instance_uid, image.digest, cut))


def _shape(marking: bool) -> str:
    return "marking" if marking else "triage"
