"""C-MOVE-RSPs and C-GET-RSPs: PS3.4 tables C.4-2 and C.4-3, PS3.7 9.3.3.2 and 9.3.4.2."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from pydicom import Dataset
from pydicom.uid import UID
from pynetdicom.association import Association
from pynetdicom.dsutils import encode
from pynetdicom.presentation import PresentationContext

from daemon.dimse.connection import cancelled, keep_pace
from daemon.dimse.identifier import IDENTIFIER_DOES_NOT_MATCH, OUT_OF_RESOURCES, UNABLE_TO_PROCESS
from daemon.dimse.suboperations import Tally

# PS3.4 tables C.4-2 and C.4-3.
SUCCESS, PENDING, CANCEL, SOME_FAILED = 0x0000, 0xFF00, 0xFE00, 0xB000
CANNOT_COUNT = 0xA701  # refused: out of resources - unable to calculate number of matches
CANNOT_PERFORM = 0xA702  # refused: out of resources - unable to perform sub-operations
DESTINATION_UNKNOWN = 0xA801
STATUSES = frozenset(
    {SUCCESS, PENDING, CANCEL, SOME_FAILED, CANNOT_COUNT, CANNOT_PERFORM, DESTINATION_UNKNOWN}
    | {OUT_OF_RESOURCES, IDENTIFIER_DOES_NOT_MATCH, UNABLE_TO_PROCESS}
)
_LONGEST_LIST = 65_000  # bytes of Failed SOP Instance UID List, a UI in a short form (PS3.5 7.1.2)

Message = Any  # C_GET | C_MOVE; pynetdicom's attributes are not typed


class Responses:
    """Of one request."""

    def __init__(self, assoc: Association, message: Message, context: PresentationContext) -> None:
        self._assoc, self._message, self._context = assoc, message, context

    @property
    def cancelled(self) -> bool:
        """Whether the requestor wants no more."""
        return cancelled(self._assoc, self._message.MessageID)

    def send(self, status: int, tally: Tally | None = None, *, comment: str = "") -> None:
        """One response; nothing where nobody hears it."""
        if not keep_pace(self._assoc):
            return
        response: Any = type(self._message)()
        response.MessageIDBeingRespondedTo = self._message.MessageID
        response.AffectedSOPClassUID = self._message.AffectedSOPClassUID
        response.Status = status
        if comment:
            response.ErrorComment = comment[:64]
        if tally is not None:
            if status in (PENDING, CANCEL):
                response.NumberOfRemainingSuboperations = tally.remaining
            response.NumberOfCompletedSuboperations = tally.completed
            response.NumberOfFailedSuboperations = tally.failed
            response.NumberOfWarningSuboperations = tally.warning
            if status not in (PENDING, SUCCESS):
                response.Identifier = self._failed_list(tally)
        assert self._context.context_id is not None
        self._assoc.dimse.send_msg(response, self._context.context_id)

    def finish(self, tally: Tally) -> None:
        """The final response: PS3.4 C.4.2.1.4.2, tables C.4-2 and C.4-3."""
        if tally.remaining:
            self.send(CANCEL, tally)
        elif tally.failed and not tally.completed + tally.warning:
            self.send(CANNOT_PERFORM, tally)
        else:
            self.send(SOME_FAILED if tally.failed or tally.warning else SUCCESS, tally)

    def _failed_list(self, tally: Tally) -> BytesIO:
        ds = Dataset()
        room = _LONGEST_LIST // 65
        ds.FailedSOPInstanceUIDList = [UID(uid) for uid in tally.failed_uids[:room]]
        syntax = self._context.transfer_syntax[0]
        content = encode(ds, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
        assert content is not None  # UIDs that the catalogue holds
        return BytesIO(content)
