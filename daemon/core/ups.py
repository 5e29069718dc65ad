"""The states of a unified procedure step and what each request does in each of them: PS3.4 CC.1.1.

The table is the standard's, cell by cell; what an effect means for the attributes is daemon/core/ups_changes.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

PUSH = "1.2.840.10008.5.1.4.34.6.1"  # the SOP class of every instance (CC.3.1)
GLOBAL = "1.2.840.10008.5.1.4.34.5"  # Global Subscription Instance (CC.3.1.2)
FILTERED = "1.2.840.10008.5.1.4.34.5.1"  # Filtered Global Subscription Instance
WELL_KNOWN = frozenset({GLOBAL, FILTERED})

SUCCESS = 0x0000
# PS3.7 Annex C
ATTRIBUTES_IGNORED = 0x0001  # warning: requested optional Attributes are not supported
INVALID_VALUE = 0x0106
PROCESSING_FAILURE = 0x0110
DUPLICATE = 0x0111
INVALID_ARGUMENT = 0x0115
INVALID_INSTANCE = 0x0117
NO_SUCH_CLASS = 0x0118
MISSING_ATTRIBUTE = 0x0120
MISSING_VALUE = 0x0121
NO_SUCH_ACTION = 0x0123
RESOURCE_LIMITATION = 0x0213
# PS3.4 tables CC.2.1-2, CC.2.2-2, CC.2.3-3, CC.2.5-4, CC.2.6-1, CC.2.7-1
CREATED_MODIFIED = 0xB300
ALREADY_CANCELED = 0xB304
ALREADY_COMPLETED = 0xB306
NO_LONGER_UPDATED = 0xC300
WRONG_TRANSACTION = 0xC301
ALREADY_IN_PROGRESS = 0xC302
SCHEDULED_BY_CREATE_ONLY = 0xC303
FINAL_STATE_UNMET = 0xC304
NO_SUCH_UPS = 0xC307
UNKNOWN_RECEIVER = 0xC308
NOT_CREATED_SCHEDULED = 0xC309
NOT_IN_PROGRESS = 0xC310
IS_COMPLETED = 0xC311
PERFORMER_OUT_OF_REACH = 0xC312
NOT_FOR_THIS_INSTANCE = 0xC314

MEANINGS: Mapping[int, str] = {
    ATTRIBUTES_IGNORED: "Requested optional Attributes are not supported.",
    INVALID_VALUE: "invalid attribute value",
    PROCESSING_FAILURE: "processing failure",
    DUPLICATE: "the SOP Instance UID is in use",
    INVALID_ARGUMENT: "invalid argument",
    INVALID_INSTANCE: "the SOP Instance UID is malformed",
    MISSING_ATTRIBUTE: "a required attribute is missing",
    MISSING_VALUE: "a required attribute has no value",
    RESOURCE_LIMITATION: "too large",
    CREATED_MODIFIED: "The Workitem was created with modifications.",
    ALREADY_CANCELED: "The UPS is already in the requested state of CANCELED.",
    ALREADY_COMPLETED: "The UPS is already in the requested state of COMPLETED.",
    NO_LONGER_UPDATED: "the UPS may no longer be updated",
    WRONG_TRANSACTION: "the correct Transaction UID was not provided",
    ALREADY_IN_PROGRESS: "the UPS is already IN PROGRESS",
    SCHEDULED_BY_CREATE_ONLY: "a UPS becomes SCHEDULED by its creation only",
    FINAL_STATE_UNMET: "the UPS has not met final state requirements",
    NO_SUCH_UPS: "no such UPS",
    UNKNOWN_RECEIVER: "the Receiving AE is unknown",
    NOT_CREATED_SCHEDULED: "the provided value of UPS State was not SCHEDULED",
    NOT_IN_PROGRESS: "the UPS is not in the IN PROGRESS state",
    IS_COMPLETED: "the UPS is already COMPLETED",
    PERFORMER_OUT_OF_REACH: "the performer cannot be contacted",
    NOT_FOR_THIS_INSTANCE: "the action is not appropriate for the instance",
}


class State(StrEnum):
    """Procedure Step State (0074,1000), table CC.1.1-1."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


FINAL = frozenset({State.COMPLETED, State.CANCELED})


class Asked(Enum):
    """The rows of table CC.1.1-2: a request, and whether it brings the correct Transaction UID."""

    CREATE = auto()
    CLAIM = auto()
    CLAIM_UNLOCKED = auto()
    RESCHEDULE = auto()
    COMPLETE = auto()
    COMPLETE_UNLOCKED = auto()
    REQUEST_CANCEL = auto()
    CANCEL = auto()
    CANCEL_UNLOCKED = auto()


class Effect(Enum):
    """What becomes of the instance."""

    NOTHING = auto()
    CREATE = auto()  # SCHEDULED, without a Transaction UID
    CLAIM = auto()  # report the state, record the Transaction UID, IN PROGRESS
    COMPLETE = auto()  # if the final state requirements are met, report the state, COMPLETED; else C304
    CANCEL = auto()  # likewise, CANCELED
    CANCEL_UNCLAIMED = auto()  # report IN PROGRESS, report CANCELED, CANCELED
    REPORT_REQUEST = auto()  # tell subscribers that a cancel was requested


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: a status (0000, a warning or a failure) and an effect."""

    code: int
    effect: Effect = Effect.NOTHING


_ABSENT = Cell(NO_SUCH_UPS)

# PS3.4 table CC.1.1-2. Columns: does not exist, SCHEDULED, IN PROGRESS, COMPLETED, CANCELED.
_ROWS: Mapping[Asked, tuple[Cell, Cell, Cell, Cell, Cell]] = {
    Asked.CREATE: (Cell(SUCCESS, Effect.CREATE), *4 * (Cell(DUPLICATE),)),
    Asked.CLAIM: (
        _ABSENT,
        Cell(SUCCESS, Effect.CLAIM),
        Cell(ALREADY_IN_PROGRESS),
        Cell(NO_LONGER_UPDATED),
        Cell(NO_LONGER_UPDATED),
    ),
    Asked.CLAIM_UNLOCKED: (_ABSENT, *4 * (Cell(WRONG_TRANSACTION),)),
    Asked.RESCHEDULE: (_ABSENT, *4 * (Cell(SCHEDULED_BY_CREATE_ONLY),)),
    Asked.COMPLETE: (
        _ABSENT,
        Cell(NOT_IN_PROGRESS),
        Cell(SUCCESS, Effect.COMPLETE),
        Cell(ALREADY_COMPLETED),
        Cell(NO_LONGER_UPDATED),
    ),
    Asked.COMPLETE_UNLOCKED: (_ABSENT, *4 * (Cell(WRONG_TRANSACTION),)),
    Asked.REQUEST_CANCEL: (
        _ABSENT,
        Cell(SUCCESS, Effect.CANCEL_UNCLAIMED),
        Cell(SUCCESS, Effect.REPORT_REQUEST),
        Cell(IS_COMPLETED),
        Cell(ALREADY_CANCELED),
    ),
    Asked.CANCEL: (
        _ABSENT,
        Cell(NOT_IN_PROGRESS),
        Cell(SUCCESS, Effect.CANCEL),
        Cell(NO_LONGER_UPDATED),
        Cell(ALREADY_CANCELED),
    ),
    Asked.CANCEL_UNLOCKED: (_ABSENT, *4 * (Cell(WRONG_TRANSACTION),)),
}
_COLUMNS = (None, State.SCHEDULED, State.IN_PROGRESS, State.COMPLETED, State.CANCELED)

TRANSITIONS: Mapping[tuple[Asked, State | None], Cell] = {
    (asked, column): cell for asked, cells in _ROWS.items() for column, cell in zip(_COLUMNS, cells, strict=True)
}

_CHANGES: Mapping[State, tuple[Asked, Asked]] = {  # with the correct Transaction UID, without
    State.SCHEDULED: (Asked.RESCHEDULE, Asked.RESCHEDULE),
    State.IN_PROGRESS: (Asked.CLAIM, Asked.CLAIM_UNLOCKED),
    State.COMPLETED: (Asked.COMPLETE, Asked.COMPLETE_UNLOCKED),
    State.CANCELED: (Asked.CANCEL, Asked.CANCEL_UNLOCKED),
}


def change_asked(to: State, state: State, held: str, given: str) -> Asked:
    """The row of a Change UPS State request. held, given: Transaction UIDs, "" for none.

    While nobody holds the instance, whatever UID is given is correct: it becomes the lock (CC.2.1.2).
    """
    correct = bool(given) and (state is State.SCHEDULED or given == held)
    return _CHANGES[to][0 if correct else 1]


def failed(code: int) -> bool:
    """Whether a status is neither success nor a warning (PS3.7 Annex C)."""
    return code not in (SUCCESS, ATTRIBUTES_IGNORED) and code & 0xF000 != 0xB000
