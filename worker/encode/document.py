"""What every document says beside its findings: who observed, and on whose order (PS3.3 C.17.2; PS3.16 TID 1001)."""

from __future__ import annotations

from highdicom.sr import CodedConcept, DeviceObserverIdentifyingAttributes, ObservationContext, ObserverContext
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from worker.encode import codes
from worker.encode.carry import copied_item, encodings_of
from worker.encode.header import MANUFACTURER, plain
from worker.encode.identity import device_uid
from worker.encode.reading import items, text, texts
from worker.encode.request import Maker
from worker.encode.source import Source

# Of the Referenced Request Sequence: what Request Attributes or else the image state, and what only the former do.
_ORDERED = ("AccessionNumber", "IssuerOfAccessionNumberSequence")
_REQUESTED = ("RequestedProcedureID", "RequestedProcedureDescription")
_TOLD_BY = ("AccessionNumber", "RequestedProcedureID")  # one order from another
_ORDER_NUMBERS = ("PlacerOrderNumberImagingServiceRequest", "FillerOrderNumberImagingServiceRequest")


def refer_to_order(ds: Dataset, source: Source) -> None:
    """Referenced Request Sequence (Table C.17-2): the orders that the images fulfil, where any is known."""
    requests = items(source.header, "RequestAttributesSequence")
    if not requests and not text(source.header, "AccessionNumber"):
        return
    orders: dict[tuple[tuple[str, ...], ...], Dataset] = {}
    for request in requests or (Dataset(),):
        order = _order(source, request)
        # several scheduled steps may be of one order
        orders.setdefault(tuple(texts(order, keyword) for keyword in _TOLD_BY), order)
    ds.ReferencedRequestSequence = Sequence(orders.values())


def _order(source: Source, request: Dataset) -> Dataset:
    """One item of it. request: of the image's Request Attributes; empty where it has none."""
    ordered = request if text(request, "AccessionNumber") else source.header
    stated = Dataset()
    for where, keywords in ((ordered, _ORDERED), (request, _REQUESTED)):
        for keyword in keywords:
            if keyword in where:
                stated[keyword] = where.get_item(keyword)
    order = copied_item(stated, encodings_of(source.header))
    for keyword in (*_REQUESTED, *_ORDERED[:1], *_ORDER_NUMBERS):
        if keyword not in order:
            setattr(order, keyword, None)
    order.StudyInstanceUID = source.study_uid
    order.ReferencedStudySequence, order.RequestedProcedureCodeSequence = Sequence(), Sequence()
    return order


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
