"""Training of one mode: SGD, cosine, and hard example mining after four tenths of the run (docs/seed.md).

The seed intends SGD 1e-3 with momentum 0.9 from ImageNet weights, and L2 1e-4 on convolution kernels (as a term of the
loss, so its gradient is that of a decay of 2e-4). Four of its ten epochs are warm-up; then, in its text, online hard
example mining, of which no code exists. Ours (Shrivastava et al., CVPR 2016): all positives and, of fifteen negatives
for each, the three of highest loss, chosen without gradient and with the normalisation in evaluation mode.

A batch depends on the seed and the step alone, so a run that was killed goes on to the same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from model.seed.batches import NEGATIVES, CropBatch, CropBatches
from model.seed.network import SeedNet

L2 = 1e-4
MOMENTUM = 0.9
WARM_UP_EPOCHS, EPOCHS = 4, 10


@dataclass(frozen=True, slots=True)
class SeedRecipe:
    """steps: batches in all. rate: 1e-3 is the seed's, for ImageNet weights; from scratch more is needed."""

    steps: int
    rate: float = 3e-2
    rise: float = 0.03  # the share of the run in which the rate rises
    clip: float = 5.0
    seed: int = 1
    save_every_s: float = 30.0

    def mines_at(self, step: int) -> bool:
        """Whether hard examples are mined at this step."""
        return step >= self.steps * WARM_UP_EPOCHS / EPOCHS

    def rate_at(self, step: int) -> float:
        """Short rise, then half a cosine to zero."""
        progress = step / self.steps
        if progress < self.rise:
            return self.rate * (step + 1) / (self.rise * self.steps + 1)
        return self.rate * 0.5 * (1.0 + math.cos(math.pi * (progress - self.rise) / (1.0 - self.rise)))


@dataclass(slots=True)
class SeedState:
    """Weights, momentum, how far."""

    network: SeedNet
    optimiser: torch.optim.SGD
    steps: int = 0
    spent_s: float = 0.0
    loss: float = math.nan


def fresh(network: SeedNet, recipe: SeedRecipe) -> SeedState:
    """The state before the first step; only convolution kernels are decayed."""
    kernels = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    known = {id(kernel) for kernel in kernels}
    others = [parameter for parameter in network.parameters() if id(parameter) not in known]
    groups = [{"params": kernels, "weight_decay": 2 * L2}, {"params": others, "weight_decay": 0.0}]
    return SeedState(network, torch.optim.SGD(groups, lr=recipe.rate, momentum=MOMENTUM))


def store(state: SeedState, path: Path) -> None:
    """Write the state whole, then rename."""
    part = path.with_suffix(".part")
    torch.save(
        {
            "network": state.network.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "steps": state.steps,
            "spent_s": state.spent_s,
            "loss": state.loss,
        },
        part,
    )
    part.replace(path)


def restore(state: SeedState, path: Path) -> SeedState:
    """The stored run continued in `state`; nothing in the file is executed."""
    stored = torch.load(path, weights_only=True)
    state.network.load_state_dict(stored["network"])
    state.optimiser.load_state_dict(stored["optimiser"])
    state.steps, state.spent_s, state.loss = stored["steps"], stored["spent_s"], stored["loss"]
    return state


def margins(network: SeedNet, crops: Tensor) -> Tensor:
    """Crops [N, 1, h, w] -> logit of "abnormal" over "normal" [N], in bfloat16 on the CPU."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(crops.contiguous(memory_format=torch.channels_last)).float()
    result: Tensor = logits[:, 1] - logits[:, 0]
    return result


@torch.no_grad()
def hardest(network: SeedNet, negatives: Tensor, count: int) -> Tensor:
    """The `count` negatives [N, 1, h, w] of highest loss; the network's running statistics stay as they are."""
    was_training = network.training
    network.eval()
    loss = functional.softplus(torch.cat([margins(network, part) for part in negatives.split(64)]))
    network.train(was_training)
    return negatives[loss.topk(min(count, len(loss))).indices]


def step(state: SeedState, batches: CropBatches, recipe: SeedRecipe) -> None:
    """One batch: mine, loss, gradient, weights."""
    hard = recipe.mines_at(state.steps)
    batch: CropBatch = batches.draw(np.random.default_rng([recipe.seed, state.steps]), hard)
    negatives = batch.negative
    if hard:
        negatives = hardest(state.network, negatives, NEGATIVES * len(batch.positive))
    for group in state.optimiser.param_groups:
        group["lr"] = recipe.rate_at(state.steps)
    margin = margins(state.network, torch.cat([batch.positive, negatives]))
    # cross-entropy of a softmax over two is the softplus of the margin towards the wrong side
    sign = torch.ones(len(margin))
    sign[: len(batch.positive)] = -1.0
    loss = functional.softplus(sign * margin).mean()
    state.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip)
    state.optimiser.step()
    state.steps += 1
    value = float(loss.detach())
    state.loss = value if math.isnan(state.loss) else 0.98 * state.loss + 0.02 * value


def run(
    state: SeedState, batches: CropBatches, recipe: SeedRecipe, path: Path, told: Callable[[SeedState], None]
) -> SeedState:
    """Train to the last step, storing at `path` and calling `told` every half minute."""
    state.network.train()
    last = state.spent_s
    while state.steps < recipe.steps:
        began = time.monotonic()
        step(state, batches, recipe)
        state.spent_s += time.monotonic() - began
        if state.spent_s - last >= recipe.save_every_s:
            last = state.spent_s
            store(state, path)
            told(state)
    store(state, path)
    told(state)
    state.network.eval()
    return state
