"""What the detector says about one film: values, no torch.

Coordinates are source-image pixels, x to the right, y down, (0.0, 0.0) the outer corner of the top-left
pixel (the SCOORD convention, PS3.3 C.18.6); a box is (x0, y0, x1, y1) with x0 < x1 <= width, y0 < y1 <= height.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Lesion:
    """One marked place.

    probability: calibrated, 0..1, the chance that a radiologist marks something there. label: one of the boxed classes
    (NIH names, e.g. "Nodule", or "Lung Opacity"). shown: whether the lesion is above the operating point's cut, i.e.
    whether a reader is shown it. classes: the chance of each specific name given that it is one of them; none where
    the weights' names are not calibrated.
    """

    box: Box
    probability: float
    label: str
    shown: bool
    classes: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Where in a film the detector sees something: the film in rows x columns equal cells.

    values: row by row from the top left, 0..1: the greatest chance of a lesion that a window at this place states,
    falling off from the window's middle to its edges (`model.heat`). Raises ValueError for another number of values.
    """

    rows: int
    columns: int
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.values) != self.rows * self.columns:
            raise ValueError(f"{len(self.values)} values are no {self.rows} x {self.columns} map")


@dataclass(frozen=True, slots=True)
class Findings:
    """The detector's answer for one film of `width` x `height` pixels.

    probability: calibrated P(abnormal) of the film, 0..1, the triage probability.
    operating_point: the cut on `probability` at and above which the film is called positive.
    labels: calibrated probability of each named finding in the film. heat: where the lesions are, cell by cell; None
    where it was not asked for and in answers of earlier releases.
    """

    width: int
    height: int
    probability: float
    operating_point: float
    lesions: tuple[Lesion, ...]
    labels: Mapping[str, float] = field(default_factory=dict)
    heat: HeatMap | None = None

    @property
    def positive(self) -> bool:
        """Whether the film is above the operating point."""
        return self.probability >= self.operating_point

    @property
    def shown(self) -> tuple[Lesion, ...]:
        """The lesions a reader is shown, the most probable first."""
        return tuple(sorted((lesion for lesion in self.lesions if lesion.shown), key=lambda le: -le.probability))


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which weights answered: goes into every result object and into every derived UID.

    digest: SHA-256 of the weights file, hex. operating_point: the cut in words for a reader,
    e.g. "sensitivity 0.95 on held-out films".
    """

    name: str
    version: str
    digest: str
    operating_point: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.digest[:12]})"
