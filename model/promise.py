"""What a cut on the film's probability promises, and with what certainty; fitted by `model.train.bounds`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """Of films like those of `where`: at most the share `missed` of abnormal patients is below `threshold`.

    It holds with 95 % certainty. patients: abnormal ones it rests on; needed: the fewest that can promise it, with
    none missed. threshold is None where they are too few. normal_recall: share of the normal films below it.
    """

    where: str
    missed: float
    patients: int
    needed: int
    threshold: float | None = None
    normal_recall: float | None = None

    def __str__(self) -> str:
        promised = f"{self.where}: at most {self.missed:.0%} of abnormal patients missed"
        if self.threshold is None or self.normal_recall is None:
            return f"{promised}: no promise from {self.patients} abnormal patients, {self.needed} or more are needed"
        return f"{promised}: P < {self.threshold:.4f}, {self.normal_recall:.1%} of normal films lie there"
