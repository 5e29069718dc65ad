"""The training loop: AdamW, warm-up then cosine to zero over a fixed count of films, averaged weights, resumable.

The result depends on the films, the recipe and the machine's arithmetic, not on the clock or on how often the run was
killed: the state holds every generator. Forward in bfloat16 on CPU and GPU; the losses, with their many small index
operations, are worked out in float32 on the CPU in either case.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn

from model.network import Scores
from model.train.feed import Feed
from model.train.losses import loss_parts
from model.train.recipe import Recipe, rate_at
from model.train.state import State


def step(state: State, feed: Feed, recipe: Recipe) -> None:
    """One batch: losses, gradient, weights, averaged weights."""
    progress = state.steps / recipe.steps
    batch, drawn = feed.take(state.steps)
    for group in state.optimiser.param_groups:
        group["lr"] = rate_at(state.steps, recipe)
    films = batch.films.to(state.device, memory_format=torch.channels_last)
    with torch.autocast(state.device.type, torch.bfloat16):
        scores = state.wrapped(films)
    parts = loss_parts(Scores(*(part.cpu() for part in scores)), batch, hard=progress >= recipe.ohem_from)
    loss = torch.stack(list(parts.values())).sum()
    state.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip)
    state.optimiser.step()
    state.steps += 1
    state.drawn = drawn
    _average(state, min(recipe.average, (1 + state.steps) / (10 + state.steps)))
    for name, part in parts.items():
        value = float(part.detach())
        state.losses[name] = value if name not in state.losses else 0.99 * state.losses[name] + 0.01 * value


@torch.no_grad()
def _average(state: State, keep: float) -> None:
    average = state.averaged.state_dict()
    for name, tensor in state.network.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1.0 - keep)
        else:
            average[name].copy_(tensor)


def run(
    state: State,
    feed: Feed,
    recipe: Recipe,
    stepped: Callable[[State, float], None],
    saved: Callable[[State], None],
) -> State:
    """Train to the recipe's last film.

    stepped: called after every step with its seconds. saved: called every `save_every_s` and at the end, by every
    process of a team at the same step.
    """
    state.network.train()
    last_saved = state.spent_s
    while state.steps < recipe.steps:
        began = time.monotonic()
        step(state, feed, recipe)
        took = time.monotonic() - began
        state.spent_s += took
        stepped(state, took)
        if state.steps < recipe.steps and state.team.agreed(state.spent_s - last_saved >= recipe.save_every_s):
            last_saved = state.spent_s
            saved(state)
    feed.close()
    saved(state)
    return state
