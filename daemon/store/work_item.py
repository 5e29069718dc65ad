"""A work item's row and its value: which column repeats which attribute."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset

from daemon.core.attributes import items, values
from daemon.core.catalogue import clean, name_key
from daemon.core.date_times import seconds_of
from daemon.core.errors import UpsRefused
from daemon.core.ups import MEANINGS, RESOURCE_LIMITATION, State
from daemon.core.ups_changes import WorkItem
from daemon.core.ups_json import from_text, to_text
from daemon.core.ups_matching import SEVERAL
from daemon.store.schema_worklist import WorkItemRow

LONGEST = 1_000_000  # characters of one instance as JSON; a reading with ten images has 5,000
_DUE = ("ExpectedCompletionDateTime", "ScheduledProcedureStepStartDateTime")  # the first that has a value


def item_of(row: WorkItemRow) -> WorkItem:
    """The value of a row."""
    return WorkItem(row.ups_uid, State(row.state), row.transaction_uid, from_text(row.attributes))


def columns_of(item: WorkItem, now: float) -> dict[str, Any]:
    """What every change writes. Raises UpsRefused (0213)."""
    attributes = item.attributes
    text = to_text(attributes)
    if len(text) > LONGEST:
        raise UpsRefused(RESOURCE_LIMITATION, MEANINGS[RESOURCE_LIMITATION])
    return {
        "state": str(item.state),
        "transaction_uid": item.transaction_uid,
        "study_uid": str(attributes.get("StudyInstanceUID") or ""),
        "patient_name_key": name_key(_text(attributes, "PatientName")),
        "patient_id": _text(attributes, "PatientID"),
        "accession_number": _accession_number(attributes),
        "priority": str(attributes.ScheduledProcedureStepPriority),
        "label": _text(attributes, "WorklistLabel"),
        "attributes": text,
        "updated_at": now,
    }


def _accession_number(attributes: Dataset) -> str:
    numbers = {_text(item, "AccessionNumber") for item in items(attributes, "ReferencedRequestSequence")} - {""}
    return SEVERAL if len(numbers) > 1 else "".join(numbers)


def _text(ds: Dataset, keyword: str) -> str:
    """The first value: more than one is against PS3.6."""
    return clean(str(next(iter(values(ds, keyword)), "")))


def due_at_of(item: WorkItem) -> float:
    """By when it is to be done, as its attributes say it: to the second."""
    for keyword in _DUE:
        seconds = seconds_of(str(item.attributes.get(keyword) or ""))
        if seconds is not None:
            return seconds
    return 0.0


def says_otherwise(before: WorkItem, after: WorkItem) -> bool:
    """Whether the attributes give another time by when it is to be done."""
    return any(before.attributes.get(keyword) != after.attributes.get(keyword) for keyword in _DUE)
