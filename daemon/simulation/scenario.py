"""A hospital for the simulator: when films arrive, who reads, what is on the films, what a detector sees of it.

TOML files beside this one, or a path. Wrong values are refused with the key's name.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from daemon.core.errors import SettingsError
from daemon.sections import PrioritySettings
from daemon.simulation.room import Duty

SHIPPED = ("baltruschat", "ours")
_NORMAL = NormalDist()

Share = Annotated[float, Field(gt=0, lt=1)]
Hours = Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=24, max_length=24)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OperatingPoint(_Part):
    """A score that is normal with variance 1, and higher by `separation` where the finding is present (binormal)."""

    sensitivity: Share
    specificity: Share | None = None  # either this
    auc: Annotated[float, Field(gt=0.5, lt=1)] | None = None  # or the area under the ROC curve

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.specificity is None) == (self.auc is None):
            raise ValueError("an operating point has sensitivity and either specificity or auc")
        return self

    @property
    def separation(self) -> float:
        """How far the scores of films with the finding lie above those of films without."""
        if self.auc is not None:
            return 2**0.5 * _NORMAL.inv_cdf(self.auc)
        assert self.specificity is not None
        return _NORMAL.inv_cdf(self.sensitivity) + _NORMAL.inv_cdf(self.specificity)

    @property
    def threshold(self) -> float:
        """The score above which a film is called positive."""
        return self.separation - _NORMAL.inv_cdf(self.sensitivity)


class Finding(OperatingPoint):
    """One finding and how the detector does on it; the more urgent ones stand first."""

    name: str  # as in the policy's weights
    prevalence: Share  # share of all films that have it
    critical: bool = False


class Arrivals(_Part):
    """Films a day, and how a day's films fall on its hours."""

    weekday: float = Field(gt=0)
    weekend: float = Field(gt=0)
    by_hour: Hours


class Readers(_Part):
    """Readers on duty by hour, and the share of their time that chest films get."""

    weekday: Annotated[tuple[int, ...], Field(min_length=24, max_length=24)]
    weekend: Annotated[tuple[int, ...], Field(min_length=24, max_length=24)]
    weekday_attention: Hours
    weekend_attention: Hours

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if max(*self.weekday, *self.weekend) < 1 or min(*self.weekday, *self.weekend) < 0:
            raise ValueError("readers: somebody must read at some hour")
        if min(*self.weekday_attention, *self.weekend_attention) <= 0:
            raise ValueError("readers: attention is more than 0; where nobody reads, readers is 0")
        return self

    def duty(self) -> Duty:
        """The week from Monday on."""
        return Duty(
            tuple(self.weekday) * 5 + tuple(self.weekend) * 2,
            tuple(self.weekday_attention) * 5 + tuple(self.weekend_attention) * 2,
        )


class Reading(_Part):
    """How long a film takes with all attention: gamma distributed, normal films shorter."""

    minutes: float = Field(gt=0)  # mean over all films
    normal_share: float = Field(gt=0)  # a normal film's mean beside that of others
    shape: float = Field(gt=0)  # of the gamma distribution: 1 is exponential, more is steadier


class Anchor(_Part):
    """A published turnaround to compare with, in minutes."""

    films: str  # the name of a finding
    policy: Literal["first in, first out", "by finding", "by finding, capped"]
    mean: float | None = None
    maximum: float


class Scenario(_Part):
    """All of it. `priority` is the policy that is tried, as in thoraxd.toml."""

    title: str
    about: str
    arrivals: Arrivals
    readers: Readers
    reading: Reading
    answer_min: float = Field(ge=0)  # arrival of the film to the detector's answer, minutes
    cap_min: float = Field(gt=0)  # of the policy of Baltruschat 2021
    abnormal: OperatingPoint | None = None  # triage: any finding against none
    finding: Annotated[tuple[Finding, ...], Field(min_length=1)]
    priority: PrioritySettings = PrioritySettings()
    anchor: tuple[Anchor, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        names = [finding.name for finding in self.finding]
        if len(names) != len(set(names)) or not {anchor.films for anchor in self.anchor} <= set(names):
            raise ValueError("findings have different names, and an anchor's films is one of them")
        if not any(finding.critical for finding in self.finding):
            raise ValueError("no finding is critical")
        return self


def _text(name: str) -> str:
    """The text of a shipped scenario, or of a file. Raises SettingsError."""
    if name in SHIPPED:
        return resources.files(__package__).joinpath("scenarios", f"{name}.toml").read_text(encoding="utf-8")
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            [f"{name}: neither a scenario of ours ({', '.join(SHIPPED)}) nor a readable file"]
        ) from error


def load(name: str) -> Scenario:
    """A shipped scenario by name, or that in a file. Raises SettingsError with all mistakes."""
    try:
        return Scenario(**tomllib.loads(_text(name)))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{name}: {error}"]) from error
    except ValidationError as error:
        raise SettingsError(
            [f"{name}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        ) from error
