"""The Store Instances Response Module (PS3.18 I.2) in DICOM JSON (F.2), and its status (table 10.5.3-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.web.addresses import retrieve_url
from daemon.web.stow_receiving import Failed, Stored

OUT_OF_RESOURCES = 0xA700


def status_of_request(stored: Sequence[Stored], failed: Sequence[Failed]) -> int:
    """200 all, 202 some, 409 none; 503 where none was kept for a reason that passes, and it shall be sent again."""
    if not failed:
        return 200
    if stored:
        return 202
    return 503 if any(item.reason == OUT_OF_RESOURCES for item in failed) else 409


def response_module(service: str, stored: Sequence[Stored], failed: Sequence[Failed]) -> dict[str, Any]:
    """What became of each instance; `service` is the URL under which they can be retrieved."""
    module: dict[str, Any] = {}
    studies = {item.study_uid for item in stored}
    if len(studies) == 1:
        module["00081190"] = {"vr": "UR", "Value": [retrieve_url(service, *studies)]}
    named = [item for item in failed if item.sop_uid]
    nameless = [item for item in failed if not item.sop_uid]
    if named:
        items = [_reference(item.sop_class_uid, item.sop_uid) | _reason(item) for item in named]
        module["00081198"] = {"vr": "SQ", "Value": items}
    if stored:
        module["00081199"] = {
            "vr": "SQ",
            "Value": [
                _reference(item.sop_class_uid, item.sop_uid)
                | {
                    "00081190": {
                        "vr": "UR",
                        "Value": [retrieve_url(service, item.study_uid, item.series_uid, item.sop_uid)],
                    }
                }
                for item in stored
            ],
        }
    if nameless:
        module["0008119A"] = {"vr": "SQ", "Value": [_reason(item) for item in nameless]}
    return module


def _reference(sop_class_uid: str, sop_uid: str) -> dict[str, Any]:
    return {"00081150": {"vr": "UI", "Value": [sop_class_uid]}, "00081155": {"vr": "UI", "Value": [sop_uid]}}


def _reason(item: Failed) -> dict[str, Any]:
    return {"00081197": {"vr": "US", "Value": [item.reason]}}
