"""C-STORE-RQ to the ingest use case (PS3.4 Annex B): on associations to our SCP, and on our own for C-GET."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import structlog
from pydicom import Dataset
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from daemon.core.errors import ThoraxdError
from daemon.core.log import where
from daemon.core.uids import is_uid
from daemon.dimse import status
from daemon.dimse.streaming import discard_unfinished
from daemon.ingest import Ingest, Received
from daemon.presence import Presence

log = structlog.get_logger()


class Reception:
    """Takes what comes by C-STORE."""

    def __init__(self, ingest: Ingest, presence: Presence) -> None:
        self._ingest, self._presence = ingest, presence

    def on_c_store(self, event: Event, sender: str = "") -> int | Dataset:
        """C-STORE-RQ -> status. sender: its AE title, where the association is ours."""
        request = cast(C_STORE, event.request)
        sop_uid = str(request.AffectedSOPInstanceUID)
        instance = sop_uid if is_uid(sop_uid) else "malformed"  # anything may stand there, a name too
        try:
            taken = self._ingest.take(
                Received(
                    path=event.dataset_path,
                    sop_class_uid=str(request.AffectedSOPClassUID),
                    sop_uid=sop_uid,
                    transfer_syntax_uid=str(event.context.transfer_syntax),
                    calling_ae=sender or str(event.assoc.requestor.ae_title).strip(),
                )
            )
        except ThoraxdError as error:
            code = status.status_of(error)
            log.warning("instance.refused", instance=instance, status=f"{code:04X}", why=str(error))
            return status.failure(code, str(error))
        except Exception as error:  # noqa: BLE001  an association must survive any one instance
            kind, at = type(error).__name__, where(error)
            log.error("instance.error", instance=instance, kind=kind, at=at)
            return status.failure(status.PROCESSING_FAILURE, "processing failure")
        self._presence.touched(id(event.assoc), taken.study_uid)
        if not event.assoc.is_established:  # it broke while the instance was being kept
            self._presence.closed(id(event.assoc))
        return status.SUCCESS

    def on_retrieved(self, event: Event, sender: str) -> int | Dataset:
        """The same on an association that we opened, where pynetdicom leaves the file open and in its place."""
        try:
            return self.on_c_store(event, sender)
        finally:
            file = cast(C_STORE, event.request)._dataset_file
            if file is not None:
                file.close()
                Path(file.name).unlink(missing_ok=True)

    def closed(self, assoc: Association) -> None:
        """The association brings no more."""
        self._presence.closed(id(assoc))
        discard_unfinished(assoc)
