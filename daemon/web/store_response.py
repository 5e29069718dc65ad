"""What a Store Instances Response Module says of each object (PS3.18 10.5.3.3 and I.2, PS3.3 C.12.1.1 for its coding).

DICOM JSON (PS3.18 F), which is asked for, or Native DICOM Model XML (PS3.19 A.1), which some servers send regardless.
Whatever the bytes are, nothing is raised: an answer that is no such module says nothing of any object.
"""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from daemon.core.outcome import Answer, Outcome
from daemon.core.statuses import DUPLICATE, SUCCESS, meaning, outcome_of

FAILED_SOP_SEQUENCE = "00081198"
REFERENCED_SOP_SEQUENCE = "00081199"
SOP_INSTANCE_UID = "00081155"
WARNING_REASON = "00081196"
FAILURE_REASON = "00081197"

# PS3.18 I.2.2 lets a server add codes. B00E: Microsoft's DICOM service, "has already been stored".
_THERE_ALREADY = frozenset({DUPLICATE, 0xB00E})

# Its last is the worst.
_WORSE = (Answer.ACCEPTED, Answer.ALTERED, Answer.BUSY, Answer.REFUSED)

Item = dict[str, Any]  # tag -> value


def outcomes_in(body: bytes, media_type: str) -> dict[str, Outcome] | None:
    """The outcome of each object that a response names, by SOP Instance UID; None where it is no response module.

    Of an object that is named more than once the worst counts.
    """
    try:
        sequences = _xml(body) if media_type.endswith("xml") else _json(body)
    except (ValueError, TypeError, AttributeError, RecursionError, ElementTree.ParseError, LookupError):
        return None
    outcomes: dict[str, Outcome] = {}
    for tag, outcome_of_item in ((REFERENCED_SOP_SEQUENCE, _stored), (FAILED_SOP_SEQUENCE, _failed)):
        for item in sequences.get(tag, []):
            uid = item.get(SOP_INSTANCE_UID)
            if isinstance(uid, str):
                uid, outcome = uid.strip(" \0"), outcome_of_item(item)
                outcomes[uid] = max(outcomes.get(uid, outcome), outcome, key=lambda each: _WORSE.index(each.answer))
    return outcomes


def _stored(item: Item) -> Outcome:
    """Of an item of the Referenced SOP Sequence; with a Failure Reason, which has no place there, it has failed."""
    if item.get(FAILURE_REASON) is not None:
        return _failed(item)
    if item.get(WARNING_REASON) is None:
        return outcome_of(SUCCESS)
    warning = _code(item[WARNING_REASON])
    return outcome_of(warning) if warning is not None else Outcome(Answer.ALTERED, None, "odd Warning Reason")


def _failed(item: Item) -> Outcome:
    reason = _code(item.get(FAILURE_REASON))
    if reason is None or reason == SUCCESS:
        return Outcome(Answer.REFUSED, None, "failed, without a Failure Reason")
    if reason in _THERE_ALREADY:
        return Outcome(Answer.ACCEPTED, reason, meaning(DUPLICATE))
    outcome = outcome_of(reason)
    # A Warning Reason here is no warning: the object was not stored.
    return outcome if outcome.answer is Answer.BUSY else Outcome(Answer.REFUSED, reason, outcome.reason)


def _code(value: object) -> int | None:
    """A US value; also one that was written as text. None: it is no such value."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 8:
        value = int(value)
    return value if type(value) is int and 0 <= value <= 0xFFFF else None


def _json(body: bytes) -> dict[str, list[Item]]:
    module = json.loads(body)
    if isinstance(module, list) and len(module) == 1:  # as a response to a search would be
        (module,) = module
    return {
        tag: [
            {name: _only(element.get("Value", [])) for name, element in item.items()}
            for item in module[tag].get("Value", [])
        ]
        for tag in (REFERENCED_SOP_SEQUENCE, FAILED_SOP_SEQUENCE)
        if tag in module
    }


def _only(values: Any) -> Any:
    """The value; None where there is none. The attributes here have one value: more of them can mean anything."""
    if not isinstance(values, list):
        raise TypeError
    return (values[0] if len(values) == 1 else values) if values else None


def _xml(body: bytes) -> dict[str, list[Item]]:
    return {
        str(sequence.get("tag")).upper(): [
            {
                str(element.get("tag")).upper(): _only(
                    [value.text for value in element.findall("{*}Value") if value.text]
                )
                for element in item
            }
            for item in sequence.findall("{*}Item")
        ]
        for sequence in ElementTree.fromstring(body).findall("{*}DicomAttribute")
    }
