"""How long a run takes: seconds a step at each side of the films, measured first and followed on the way.

A step at 256 px costs four at 128 px, so that the share of steps done says little of the time left.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from time import monotonic

import numpy as np
import torch

from model.network import LesionNet
from model.train.batches import Batches
from model.train.feed import Feed
from model.train.loop import step
from model.train.parallel import Team
from model.train.recipe import Recipe
from model.train.state import fresh

FOLLOW = 0.05  # weight of the newest step


class Pace:
    """step_s: seconds a step at each side that the recipe has; final: the network's side."""

    def __init__(self, recipe: Recipe, final: int, step_s: Mapping[int, float]) -> None:
        self.sides = np.array([recipe.side_of(step, final) for step in range(recipe.steps)])
        self.step_s = dict(step_s)

    def took(self, done: int, seconds: float) -> None:
        """The step that made them `done` took so long; a side not yet measured follows those known by its area."""
        side = int(self.sides[done - 1])
        self.step_s[side] += FOLLOW * (seconds - self.step_s[side])

    def left_s(self, done: int) -> float:
        """Seconds that the steps after the first `done` will take."""
        sides, counts = np.unique(self.sides[done:], return_counts=True)
        return float(sum(self.step_s[int(side)] * count for side, count in zip(sides, counts, strict=True)))


def measured(network: LesionNet, batches: Batches, recipe: Recipe, team: Team) -> Pace:
    """Two steps at each side, the first not timed, on a copy; neither network nor generator is touched."""
    final = network.config.side
    step_s = {}
    alone = Team(device=team.device)
    devices = [alone.device] if alone.device.startswith("cuda") else []
    with torch.random.fork_rng(devices=devices):
        for side in {recipe.side_of(number, final) for number in range(recipe.steps)}:
            trial = replace(recipe, growth=((2.0, side),))
            state = fresh(deepcopy(network), trial, alone)
            state.network.train()
            feed = Feed(batches, trial, final, state.rng, recipe.batch // team.size)
            step(state, feed, trial)
            began = monotonic()
            step(state, feed, trial)
            step_s[side] = monotonic() - began
    return Pace(recipe, final, step_s)


def in_words(seconds: float) -> str:
    """A duration for a reader: 40 s, 12 min, 3 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
