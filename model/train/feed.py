"""The order of batches, and the random generator behind it: drawn when asked for, or one ahead beside a GPU.

With every batch goes the generator's state after it, so that a batch drawn ahead of a kill is drawn again.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from model.train.batches import Batches
from model.train.losses import Batch
from model.train.recipe import Recipe

GeneratorState = Mapping[str, Any]


class Feed:
    """Batches of steps first, first + 1, ... for a network that works at `final` pixels.

    size: films a batch of this process. ahead: draw the next batch in a thread while this one is worked on.
    """

    def __init__(
        self, batches: Batches, recipe: Recipe, final: int, rng: np.random.Generator, size: int, ahead: bool = False
    ) -> None:
        self.batches, self.recipe, self.final, self.rng, self.size = batches, recipe, final, rng, size
        self.thread = ThreadPoolExecutor(1) if ahead else None
        self.coming: Future[tuple[Batch, GeneratorState]] | None = None

    def take(self, step: int) -> tuple[Batch, GeneratorState]:
        """The batch of this step, and the generator's state behind it; steps are asked for in order."""
        if self.thread is None:
            return self._draw(step)
        drawn = (self.coming or self.thread.submit(self._draw, step)).result()
        self.coming = self.thread.submit(self._draw, step + 1)
        return drawn

    def close(self) -> None:
        """Wait for the batch that nobody will take."""
        if self.thread is not None:
            self.thread.shutdown()

    def _draw(self, step: int) -> tuple[Batch, GeneratorState]:
        if step == self.recipe.restart_step:
            # The shipped runs were stored here in a form without the half word that may wait in the generator
            self.rng.bit_generator.state = {**self.rng.bit_generator.state, "has_uint32": 0, "uinteger": 0}
        side = self.recipe.side_of(min(step, self.recipe.steps - 1), self.final)
        batch = self.batches.draw(self.size, side, self.rng)
        return batch, self.rng.bit_generator.state
