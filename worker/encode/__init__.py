"""From findings to DICOM objects and HL7 messages. Pure: no clock, no environment, no database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pydicom.dataset import Dataset

from daemon.core.hl7 import ORU
from worker.encode.chest_cad import chest_cad_report
from worker.encode.gsps import presentation_states
from worker.encode.kos import key_objects
from worker.encode.oru import result_message
from worker.encode.parametric_map import parametric_maps
from worker.encode.request import CannotEncode, Encoded, EncodedMessage, Reference, ReportRequest, SourceImage
from worker.encode.sc import secondary_captures
from worker.encode.sr import structured_report
from worker.encode.text_sr import text_report

__all__ = [
    "MESSAGE_WRITERS",
    "WRITERS",
    "CannotEncode",
    "Encoded",
    "EncodedMessage",
    "Reference",
    "ReportRequest",
    "SourceImage",
    "encode",
]

# (request, profile, marking) -> (SOP Instance UID of the image that an object is about, or "" for the study; object)
Writer = Callable[[ReportRequest, str, bool], Iterable[tuple[str, Dataset]]]

# By the name that `[[destination]] outputs` gives the form. A writer yields nothing where the form has nothing to say.
WRITERS: Mapping[str, Writer] = {
    "sr": lambda request, profile, marking: [("", structured_report(request, profile, marking))],
    "gsps": lambda request, _profile, marking: presentation_states(request, marking),
    "sc": lambda request, _profile, marking: secondary_captures(request, marking),
    "chest-cad-sr": lambda request, _profile, marking: [("", chest_cad_report(request, marking))],
    "text-sr": lambda request, _profile, marking: [("", text_report(request, marking))],
    "kos": lambda request, _profile, marking: key_objects(request, marking),
    "parametric-map": lambda request, _profile, marking: parametric_maps(request, marking),
}
# Those that are no DICOM objects: (request, marking) -> the study's message.
MESSAGE_WRITERS: Mapping[str, Callable[[ReportRequest, bool], EncodedMessage]] = {ORU: result_message}


def encode(request: ReportRequest, kind: str, profile: str = "air", marking: bool = True) -> tuple[Encoded, ...]:
    """The result objects of one form: none, one for the study, or one for each image, as the form is.

    kind: a key of WRITERS. profile: "air", "stone" or "ohif", for the SR; other forms have none. marking: False
    writes no location of anything, in any attribute.
    Raises CannotEncode, without patient data in its message, when no valid object can be made.
    """
    if kind not in WRITERS:
        raise CannotEncode(f"no encoder for {kind!r}")
    flavour = profile if kind == "sr" else ""
    return tuple(Encoded(kind, flavour, marking, uid, ds) for uid, ds in WRITERS[kind](request, flavour, marking))
