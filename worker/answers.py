"""The detector's answer as the ledger keeps it: JSON, with the identity of the model that gave it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from model.findings import Findings, HeatMap, Lesion, ModelIdentity


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker found in one image.

    notes: what was unusual about the pixels. modality_range: least and greatest value after the Modality LUT.
    """

    findings: Findings
    identity: ModelIdentity
    notes: tuple[str, ...] = ()
    modality_range: tuple[float, float] | None = None

    def to_json(self) -> str:
        """One line, the same for the same answer."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Answer:
        """The inverse of to_json; an answer of a release without heat maps has none."""
        values = json.loads(text)
        found = values["findings"]
        lesions = tuple(Lesion(**{**lesion, "box": tuple(lesion["box"])}) for lesion in found.pop("lesions"))
        heat = found.pop("heat", None)
        span = values["modality_range"]
        return cls(
            findings=Findings(
                **found,
                lesions=lesions,
                heat=HeatMap(heat["rows"], heat["columns"], tuple(heat["values"])) if heat else None,
            ),
            identity=ModelIdentity(**values["identity"]),
            notes=tuple(values["notes"]),
            modality_range=(span[0], span[1]) if span else None,
        )
