"""Self-supervised pre-training: half of the film is hidden in squares and drawn again from what is left.

Masked image modelling for a convolutional trunk (after SparK, Tian et al., 2023, without its sparse convolutions): the
trunk sees the film with hidden squares set to the mean, and from its stride-8 map a linear layer must give the hidden
pixels. No label is used, so no label's confound is learnt; films of a test fold are left out all the same.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.network import LesionNet
from model.train.batches import Batches
from model.train.recipe import Recipe, rate_at

STRIDE = 8  # of the trunk's fine map
SQUARE = 16  # pixels of a hidden square's side
HIDDEN = 0.5  # share of squares hidden


class Redraw(nn.Module):
    """The trunk with one linear layer from a map cell to its STRIDE x STRIDE pixels."""

    def __init__(self, network: LesionNet) -> None:
        super().__init__()
        self.trunk = network.trunk
        self.deep = nn.Linear(network.config.widths[-1], network.config.map_width)
        self.pixels = nn.Conv2d(network.config.map_width, STRIDE * STRIDE, 1)

    def forward(self, films: Tensor) -> Tensor:
        """Films [B, 1, S, S] with hidden squares -> films [B, 1, S, S] drawn again."""
        fine, deep = self.trunk(films)
        fine = fine + self.deep(deep.mean((2, 3)))[:, :, None, None]
        return functional.pixel_shuffle(self.pixels(fine), STRIDE)


def hidden_squares(count: int, side: int, rng: np.random.Generator) -> Tensor:
    """Bool [count, 1, side, side]: True where hidden."""
    cells = -(-side // SQUARE)
    coarse = torch.from_numpy(rng.random((count, 1, cells, cells)) < HIDDEN)
    return coarse.repeat_interleave(SQUARE, 2).repeat_interleave(SQUARE, 3)[:, :, :side, :side]


def pretrain(network: LesionNet, batches: Batches, recipe: Recipe, side: int) -> float:
    """Train the network's trunk for the recipe's films at `side`; the answer is the last mean squared error.

    The labels of the batches are not looked at. The errors are of z-scored films: 1 is what a blank film would give.
    """
    rng = np.random.default_rng(recipe.seed)
    model = Redraw(network).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay, fused=True)
    error = 1.0
    for step in range(recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, recipe)
        films = batches.draw(recipe.batch, side, rng).films
        hidden = hidden_squares(len(films), side, rng)
        shown = films.masked_fill(hidden, 0.0).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            drawn = model(shown)
        loss = functional.mse_loss(drawn.float()[hidden], films[hidden])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        optimiser.step()
        error = 0.98 * error + 0.02 * float(loss.detach())
    return error
