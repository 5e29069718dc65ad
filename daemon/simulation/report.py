"""What a trial showed: Markdown, JSON and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from daemon.simulation.policies import POLICIES
from daemon.simulation.trial import Figures, Interval, Trial

_COLOURS = ("#444444", "#d08020", "#e8b060", "#a05080", "#0072b2")
_DOTS = 400  # points of a curve


def as_values(trial: Trial) -> dict[str, Any]:
    """Fit for JSON; times in minutes, changes as shares."""
    return {
        "scenario": trial.scenario.title,
        "days": trial.days,
        "seed": trial.seed,
        "films": trial.films,
        "block_days": trial.block_days,
        "shares": dict(trial.shares),
        "figures": {
            name: {policy: asdict(figures) for policy, figures in by_policy.items()}
            for name, by_policy in trial.figures.items()
        },
    }


def markdown(trials: Sequence[Trial], plots: Sequence[str]) -> str:
    """The whole page. plots: a link to the plot of each trial."""
    parts = [_HEAD]
    for trial, plot in zip(trials, plots, strict=True):
        parts += [f"## {trial.scenario.title}", trial.scenario.about.strip(), *_anchors(trial), _verdict(trial)]
        parts.append(_table(trial))
        parts.append(f"![turnaround by policy]({plot})\n")
    return "\n\n".join(parts)


_FIFO, _FINDING, _CAPPED, _PROBABILITY, _OURS = POLICIES

_HEAD = f"""# What the order of reading brings

Made by `thoraxd simulate` (`make simulate`); the figures come from a simulation, not from a hospital. Every policy
reads the same films. Times are minutes from arrival to report; brackets are 95 % intervals from a bootstrap over
blocks of days; changes are against first in, first out, paired. *Worst* is the longest turnaround in a block, averaged
over blocks; *maximum* is the longest of the whole run, one film, and has no interval worth the name.

| policy | reads |
| --- | --- |
| {_FIFO} | in order of arrival |
| {_FINDING} | by the most urgent finding called positive, then by arrival (Baltruschat 2021) |
| {_CAPPED} | the same, but first of all what has waited for the cap (Baltruschat 2021) |
| {_PROBABILITY} | strictly by expected harm, however long anybody waits |
| {_OURS} | as the live list: arrival plus patience, `daemon/core/priority.py` ([ADR](adr/0017-priority.md)) |"""


def _verdict(trial: Trial) -> str:
    """The goal in words: mean of critical films 60 % down, their longest within 5 % of first in, first out."""
    name, by_policy = next(iter(trial.figures.items()))
    ours = by_policy[_OURS]
    mean = "met" if ours.mean_change.high <= -0.6 else "not met"
    longest = "met" if ours.worst_change.value <= 0.05 and ours.maximum_change <= 0.05 else "not met"
    return (
        f"{trial.days:,} days, {trial.films:,} films, blocks of {trial.block_days:g} days, seed {trial.seed}. Goal for"
        f" {name} films: mean at least 60 % down: {_change(ours.mean_change)}, {mean}; worst and maximum at most 5 %"
        f" up: {_change(ours.worst_change)} and {_percent(ours.maximum_change)}, {longest}."
    )


def _anchors(trial: Trial) -> list[str]:
    """Published figures beside simulated ones, if the scenario has any."""
    lines = ["| published | mean | here | maximum | here |", "| --- | --- | --- | --- | --- |"]
    for anchor in trial.scenario.anchor:
        here = trial.figures[anchor.films][anchor.policy]
        mean = "" if anchor.mean is None else f"{anchor.mean:.1f}"
        cells = (f"{anchor.films}, {anchor.policy}", mean, f"{here.mean.value:.1f}", f"{anchor.maximum:.0f}")
        lines.append("| " + " | ".join((*cells, f"{here.maximum:.0f}")) + " |")
    return ["\n".join(lines)] if trial.scenario.anchor else []


def _table(trial: Trial) -> str:
    lines = [
        "| films | share | policy | mean | change | 95th percentile | worst | change | maximum | change |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, by_policy in trial.figures.items():
        for policy, figures in by_policy.items():
            first = policy == next(iter(by_policy))
            cells = (f"**{name}**", f"{trial.shares[name]:.3f}") if first else ("", "")
            lines.append("| " + " | ".join((*cells, policy, *_cells(figures, first=first))) + " |")
    return "\n".join(lines)


def _cells(figures: Figures, *, first: bool) -> tuple[str, ...]:
    return (
        _minutes(figures.mean, 1),
        "" if first else _change(figures.mean_change),
        _minutes(figures.p95, 0),
        _minutes(figures.worst, 0),
        "" if first else _change(figures.worst_change),
        f"{figures.maximum:.0f}",
        "" if first else _percent(figures.maximum_change),
    )


def _minutes(figure: Interval, digits: int) -> str:
    return f"{figure.value:.{digits}f} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %".replace("-", "−")


def _change(figure: Interval) -> str:
    return f"{_percent(figure.value)} [{100 * figure.low:+.1f}, {100 * figure.high:+.1f}]".replace("-", "−")


def plot(trial: Trial, path: Path) -> None:
    """PNG: how many critical films still wait after so long; mean turnaround of every class."""
    from matplotlib.figure import Figure  # half a second, and only plots need it

    figure = Figure(figsize=(12, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    policies = list(trial.curves)
    for policy, colour in zip(policies, _COLOURS, strict=True):
        waits = np.sort(trial.curves[policy])
        where = np.unique(np.geomspace(1, waits.size, _DOTS).astype(int)) - 1  # denser towards the longest
        longest_first = waits[::-1][where]
        left.plot(longest_first, (where + 1) / waits.size, color=colour, label=policy)
    left.set(
        yscale="log", xscale="log", xlim=(3, None), xlabel="minutes since arrival", ylabel="share not yet reported"
    )
    left.set_title(f"{next(iter(trial.figures))} films", fontsize="medium")
    left.grid(alpha=0.3)
    left.legend(fontsize="small")
    names = list(trial.figures)
    for number, (policy, colour) in enumerate(zip(policies, _COLOURS, strict=True)):
        means = [trial.figures[name][policy].mean for name in names]
        places = np.arange(len(names)) + (number - 2) * 0.15
        errors = [[m.value - m.low for m in means], [m.high - m.value for m in means]]
        right.errorbar([m.value for m in means], places, xerr=errors, fmt="o", ms=4, color=colour)
    right.set_yticks(range(len(names)), names)
    right.invert_yaxis()
    right.set(xlabel="mean turnaround, minutes", xlim=(0, None))
    right.grid(alpha=0.3, axis="x")
    figure.suptitle(f"{trial.scenario.title} ({trial.days:,} days)", fontsize="medium")
    figure.savefig(path, dpi=110)
