"""A Query/Retrieve SCU on pynetdicom's own ways: C-FIND, C-GET and C-MOVE, each response as it came (PS3.4 Annex C)."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

PATIENT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_GET = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"
DX = "1.2.840.10008.5.1.4.1.1.1.1"


def keys(level: str, **values: str | list[str]) -> Dataset:
    """An identifier."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def find(port: int, identifier: Dataset, model: str = STUDY_FIND) -> tuple[list[int], list[Dataset]]:
    """Statuses in order, and the matches."""
    ae = AE()
    ae.add_requested_context(model)
    assoc = ae.associate("127.0.0.1", port)
    answers = list(assoc.send_c_find(identifier, model))
    assoc.release()
    return [int(status.Status) for status, _ in answers], [ds for _, ds in answers if ds is not None]


def get(
    port: int, identifier: Dataset, syntaxes: list[str], *, sop_class: str = DX, model: str = STUDY_GET, **more: Any
) -> tuple[list[Dataset], list[Dataset]]:
    """(responses, data sets that came)"""
    came: list[Dataset] = []

    def on_c_store(event: Event) -> int:
        ds = event.dataset
        ds.file_meta = event.file_meta
        came.append(ds)
        return 0x0000

    ae = AE()
    ae.add_requested_context(model)
    for syntax in syntaxes:
        ae.add_requested_context(sop_class, syntax)
    roles: Any = [build_role(sop_class, scp_role=True)]
    assoc = ae.associate(
        "127.0.0.1", port, ext_neg=roles, evt_handlers=[(evt.EVT_C_STORE, more.get("store", on_c_store))]
    )
    responses = [status for status, _ in assoc.send_c_get(identifier, model)]
    assoc.release()
    return responses, came


def move(port: int, identifier: Dataset, destination: str) -> tuple[list[Dataset], list[Dataset | None]]:
    """(responses, their identifiers) of a C-MOVE with Message ID 77 from ASKING."""
    ae = AE(ae_title="ASKING")
    ae.add_requested_context(STUDY_MOVE)
    assoc: Association = ae.associate("127.0.0.1", port)
    answers = list(assoc.send_c_move(identifier, destination, STUDY_MOVE, msg_id=77))
    assoc.release()
    return [status for status, _ in answers], [ds for _, ds in answers]
