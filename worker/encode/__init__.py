"""From findings to DICOM objects: `encode` is the whole interface. Pure: no clock, no environment, no database."""

from __future__ import annotations

from worker.encode.gsps import presentation_states
from worker.encode.request import CannotEncode, Encoded, Reference, ReportRequest, SourceImage
from worker.encode.sr import structured_report

__all__ = ["CannotEncode", "Encoded", "Reference", "ReportRequest", "SourceImage", "encode"]


def encode(request: ReportRequest, kind: str, profile: str = "air", marking: bool = True) -> tuple[Encoded, ...]:
    """The result objects of one kind: one SR for the study, or one GSPS for each analysed monochrome image.

    kind: "sr" or "gsps". profile: "air", "stone" or "ohif", for the SR. marking: False writes no location.
    Raises CannotEncode, without patient data in its message, when no valid object can be made.
    """
    if kind == "sr":
        return (Encoded("sr", profile, marking, "", structured_report(request, profile, marking)),)
    if kind == "gsps":
        return tuple(Encoded("gsps", "", marking, uid, ds) for uid, ds in presentation_states(request, marking))
    raise CannotEncode(f"no encoder for {kind!r}")
