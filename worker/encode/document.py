"""What every document says beside its findings: who observed, and on whose order (PS3.3 C.17.2; PS3.16 TID 1001)."""

from __future__ import annotations

from highdicom.sr import CodedConcept, DeviceObserverIdentifyingAttributes, ObservationContext, ObserverContext
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from worker.encode import codes
from worker.encode.carry import copied_item, encodings_of
from worker.encode.header import MANUFACTURER, plain
from worker.encode.identity import device_uid
from worker.encode.reading import items, text
from worker.encode.request import Maker
from worker.encode.source import Source

# Of the Referenced Request Sequence: what the image states itself, and what it states in its Request Attributes.
_ORDERED = ("AccessionNumber", "IssuerOfAccessionNumberSequence")
_REQUESTED = ("RequestedProcedureID", "RequestedProcedureDescription")
_ORDER_NUMBERS = ("PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest")


def refer_to_order(ds: Dataset, source: Source) -> None:
    """Referenced Request Sequence (Table C.17-2): the order that the images fulfil, where one is known."""
    header, requests = source.header, items(source.header, "RequestAttributesSequence")
    if not requests and not text(header, "AccessionNumber"):
        return
    stated = Dataset()
    for where, keywords in ((header, _ORDERED), *((item, _REQUESTED) for item in requests[:1])):
        for keyword in keywords:
            if keyword in where:
                stated[keyword] = where.get_item(keyword)
    order = copied_item(stated, encodings_of(header))
    for keyword in (*_REQUESTED, *_ORDERED[:1], *_ORDER_NUMBERS):
        if keyword not in order:
            setattr(order, keyword, None)
    order.StudyInstanceUID = source.study_uid
    order.ReferencedStudySequence, order.RequestedProcedureCodeSequence = Sequence(), Sequence()
    ds.ReferencedRequestSequence = Sequence([order])


def observer(maker: Maker) -> ObservationContext:
    """TID 1001, 1002, 1004: a device, and no person, made these observations."""
    device = DeviceObserverIdentifyingAttributes(
        uid=device_uid(maker),
        name=plain(maker.identity.name, 64),
        manufacturer_name=MANUFACTURER,
        model_name=plain(maker.identity.name, 64),
        serial_number=plain(maker.station, 64),
    )
    return ObservationContext(ObserverContext(CodedConcept.from_code(codes.DEVICE), device))
