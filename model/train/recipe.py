"""How long and how fast a training goes: counted in films drawn, never in minutes, so that it can be repeated.

Films grow during a run from scratch: a small network learns most of what there is to see on small films, at a quarter
of the time, and the last part is spent at the size that is used afterwards (progressive resizing).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

LONGEST, SHORTEST_SCRATCH, SHORTEST_TUNING = 140_000, 6_000, 2_000  # films drawn
PASSES_SCRATCH, PASSES_TUNING = 40, 20
TUNING_RATE = 3e-4


@dataclass(frozen=True, slots=True)
class Recipe:
    """The defaults are the recipe of the shipped weights.

    films: drawn in all. growth: (share of the run, side) pairs: the films' side until that share; the last side is the
    network's. ohem_from: the share of the run after which only hard negatives count. restart: the share after which the
    rate rises once more, to a quarter, and falls; 1 for never.
    """

    films: int = LONGEST
    batch: int = 16
    growth: tuple[tuple[float, int], ...] = ((3 / 7, 128), (3 / 5, 192))
    rate: float = 2e-3
    decay: float = 0.05
    warm_up: float = 0.06
    ohem_from: float = 12 / 35
    restart: float = 6 / 7
    clip: float = 2.0
    average: float = 0.998
    save_every_s: float = 120.0
    seed: int = 1

    @property
    def steps(self) -> int:
        """Batches in all."""
        return max(self.films // self.batch, 1)

    @property
    def restart_step(self) -> int:
        """The first step of the second rise; `steps` without one."""
        return round(self.restart * self.steps)

    def side_at(self, progress: float, final: int) -> int:
        """The films' side at progress 0..1 of a network that works at `final`."""
        return next((min(side, final) for share, side in self.growth if progress < share), final)

    def side_of(self, step: int, final: int) -> int:
        """The films' side in step 0, 1, ..."""
        return self.side_at(step / self.steps, final)


def recipe_for(count: int, tuning: bool, seed: int = 1, films: int | None = None) -> Recipe:
    """The recipe for so many films: forty passes from scratch, twenty at a low rate from weights that know films.

    Between a least number of films drawn, below which a small folder would hardly move the weights, and that of the
    shipped weights. films: this many instead.
    """
    passes, least = (PASSES_TUNING, SHORTEST_TUNING) if tuning else (PASSES_SCRATCH, SHORTEST_SCRATCH)
    recipe = Recipe(films=films or min(max(passes * count, least), LONGEST), seed=seed)
    if tuning:  # such weights have seen small films and easy negatives: no growth, no warm-up of the mining
        recipe = replace(recipe, rate=TUNING_RATE, growth=(), ohem_from=0.0, restart=1.0)
    return recipe


def rate_at(step: int, recipe: Recipe) -> float:
    """Learning rate in step 0, 1, ...: warm-up, half a cosine to zero; after a restart the same to a quarter of it."""
    first = recipe.restart_step
    if step < first or recipe.restart >= 1.0:
        return _arc(step / first, recipe.rate, recipe.warm_up)
    along = (step / recipe.steps - recipe.restart) / (1.0 - recipe.restart)
    return _arc(along, recipe.rate / 4, recipe.warm_up)


def _arc(along: float, peak: float, warm_up: float) -> float:
    if along < warm_up:
        return peak * max(along / warm_up, 0.01)
    return peak * 0.5 * (1.0 + math.cos(math.pi * min((along - warm_up) / (1.0 - warm_up), 1.0)))
