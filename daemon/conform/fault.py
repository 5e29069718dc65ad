"""What the check is asked and what it answers: values only."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """One thing that keeps an object from being sent.

    rule: a short stable name, e.g. "sr-scoord-inside-image". where: the attribute, with sequence items counted from 0,
    e.g. "ContentSequence[3].GraphicData"; "" for the object as a whole. text: what is wrong, without patient data.
    """

    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule} at {self.where}: {self.text}" if self.where else f"{self.rule}: {self.text}"


class Expected(NamedTuple):
    """What the destination asked for: `outputs`, `profile` ("" for forms that have none) and `marking` of its settings.

    An object of which this is known is one of ours, so the check then also holds it to what our encoders promise.
    """

    kind: str
    profile: str = ""
    marking: bool = True
