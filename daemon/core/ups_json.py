"""Data sets of the worklist as text: DICOM JSON, PS3.18 Annex F. What is not ASCII is escaped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydicom import Dataset


def to_text(ds: Dataset) -> str:
    """One object, without white space."""
    return json.dumps(ds.to_json_dict(), separators=(",", ":"))


def from_text(text: str) -> Dataset:
    """The data set of what `to_text` wrote."""
    return Dataset.from_json(text)


def model_of(text: str) -> Mapping[str, Any]:
    """The JSON model in such a text."""
    return json.loads(text)


def quoted(text: str) -> str:
    """A value as it stands in such a text, without its quotation marks."""
    return json.dumps(text)[1:-1]
