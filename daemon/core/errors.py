"""The errors a caller can act on.

ThoraxdError
├── IngestError              the sender is told by a status (daemon/core/statuses.py)
│   ├── ArchiveFull          try again later, nothing was kept
│   ├── UnreadableDataSet    the data set does not parse
│   ├── IdentityMismatch     SOP Class or Instance UID of data set and command differ
│   ├── SOPClassNotTaken     not among daemon/core/storage.py's
│   └── TransferSyntaxNotTaken   nor this
├── DeliveryError            one object could not be delivered this time
│   ├── DestinationUnreachable   no association, or HTTP 401, 503, …; try all of it again later
│   └── DestinationRefused       the destination answered with a failure status
├── MalformedQuery           a search whose values have not the form of their VR
├── UpsRefused               a work item's request was not carried out; code says why (PS3.4 CC.2)
├── SettingsError            every mistake in the settings, together
└── StoreUnavailable         database or archive does not answer
    └── NotArchived          the archive answers, and has no such file

Messages carry no patient data: UIDs, codes and counts only.
"""

from __future__ import annotations


class ThoraxdError(Exception):
    """Root of all errors that thoraxd raises on purpose."""


class IngestError(ThoraxdError):
    """An instance was not taken."""


class ArchiveFull(IngestError):  # noqa: N818  named by what the sender must know
    """The archive is below its reserve of free space; nothing was kept."""


class UnreadableDataSet(IngestError):  # noqa: N818
    """The data set cannot be parsed, or lacks the UIDs that identify it."""


class IdentityMismatch(IngestError):  # noqa: N818
    """The data set is not the instance that the command announced."""


class SOPClassNotTaken(IngestError):  # noqa: N818
    """An instance of a SOP class that thoraxd does not store; on an association no context is accepted for it."""


class TransferSyntaxNotTaken(IngestError):  # noqa: N818
    """An instance in a transfer syntax that thoraxd does not take; on an association no context is accepted for it."""


class DeliveryError(ThoraxdError):
    """One object could not be delivered this time."""


class DestinationUnreachable(DeliveryError):  # noqa: N818
    """Nobody is there, or nobody who serves us. retry_after_s: how long the destination asks to be left alone."""

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class NoContextAccepted(DestinationUnreachable):
    """The destination answers, and takes none of the SOP classes that were proposed."""


class DestinationRefused(DeliveryError):  # noqa: N818
    """The destination answered, and not with 0000."""


class StoreUnavailable(ThoraxdError):  # noqa: N818
    """The database or the archive does not answer."""


class NotArchived(StoreUnavailable):
    """The archive has no such file: it was removed, or a mount is missing."""


class MalformedQuery(ThoraxdError):  # noqa: N818
    """A search cannot be understood; the text names its key, never the value."""


class UpsRefused(ThoraxdError):  # noqa: N818
    """A request to the worklist failed. code: a status of PS3.4 Annex CC or PS3.7 Annex C; the text holds no value."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class SettingsError(ThoraxdError):
    """Every mistake in the settings, together."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes
