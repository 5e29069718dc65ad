"""The training loop: AdamW, warm-up then cosine to zero over a fixed time, averaged weights, resumable after a kill.

The schedule runs on the clock, not on a count of steps: a run ends when it was told to, however busy the machine is,
and with its learning rate at zero. State is written whole and renamed, so that a kill at any moment leaves the last
state readable. Runs on the CPU, forward in bfloat16.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from model.network import LesionNet
from model.train.batches import Batches
from model.train.losses import loss_parts


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how fast. ohem_from: the share of the run after which only hard negatives count."""

    minutes: float = 60.0
    batch: int = 16
    rate: float = 2e-3
    decay: float = 0.05
    warm_up: float = 0.06
    ohem_from: float = 0.4
    clip: float = 2.0
    average: float = 0.998
    save_every_s: float = 180.0
    seed: int = 1


@dataclass(slots=True)
class State:
    """What a run is: weights, averaged weights, optimiser, generator and the time already spent on steps."""

    network: LesionNet
    averaged: LesionNet
    optimiser: torch.optim.AdamW
    rng: np.random.Generator
    spent_s: float = 0.0
    steps: int = 0
    losses: dict[str, float] = field(default_factory=dict)


def fresh(network: LesionNet, recipe: Recipe) -> State:
    """The state before the first step; one-dimensional parameters are not decayed."""
    torch.manual_seed(recipe.seed)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.rate, fused=True)
    return State(network, deepcopy(network).eval(), optimiser, np.random.default_rng(recipe.seed))


def store(state: State, path: Path) -> None:
    """Write the state; `restore` brings it back."""
    part = path.with_suffix(".part")
    rng = state.rng.bit_generator.state
    torch.save(
        {
            "network": state.network.state_dict(),
            "averaged": state.averaged.state_dict(),
            "optimiser": state.optimiser.state_dict(),
            "rng": {"state": str(rng["state"]["state"]), "inc": str(rng["state"]["inc"])},
            "torch_rng": torch.get_rng_state(),
            "spent_s": state.spent_s,
            "steps": state.steps,
            "losses": state.losses,
        },
        part,
    )
    part.replace(path)


def restore(state: State, path: Path) -> State:
    """The stored run continued in `state`'s network; loaded with weights_only, so nothing is executed."""
    stored = torch.load(path, weights_only=True)
    state.network.load_state_dict(stored["network"])
    state.averaged.load_state_dict(stored["averaged"])
    state.optimiser.load_state_dict(stored["optimiser"])
    drawn = {"state": int(stored["rng"]["state"]), "inc": int(stored["rng"]["inc"])}
    state.rng.bit_generator.state = {**state.rng.bit_generator.state, "state": drawn}
    torch.set_rng_state(stored["torch_rng"])
    state.spent_s, state.steps, state.losses = stored["spent_s"], stored["steps"], stored["losses"]
    return state


def rate_at(progress: float, recipe: Recipe) -> float:
    """Learning rate at progress 0..1: linear warm-up, then half a cosine to zero."""
    if progress < recipe.warm_up:
        return recipe.rate * max(progress / recipe.warm_up, 0.01)
    along = (progress - recipe.warm_up) / (1.0 - recipe.warm_up)
    return recipe.rate * 0.5 * (1.0 + math.cos(math.pi * min(along, 1.0)))


def step(state: State, batches: Batches, recipe: Recipe, progress: float) -> None:
    """One batch: losses, gradient, weights, averaged weights."""
    batch = batches.draw(recipe.batch, state.rng)
    for group in state.optimiser.param_groups:
        group["lr"] = rate_at(progress, recipe)
    films = batch.films.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        scores = state.network(films)
    parts = loss_parts(scores, batch, hard=progress >= recipe.ohem_from)
    loss = torch.stack(list(parts.values())).sum()
    state.optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip)
    state.optimiser.step()
    state.steps += 1
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


def run(state: State, batches: Batches, recipe: Recipe, path: Path, saved: Callable[[State], None]) -> State:
    """Train until the recipe's minutes are spent, storing the state in `path` and calling `saved` every few minutes."""
    budget_s = recipe.minutes * 60.0
    state.network.train()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("training", total=budget_s, completed=int(state.spent_s))
        last_saved = state.spent_s
        while state.spent_s < budget_s:
            began = time.monotonic()
            step(state, batches, recipe, state.spent_s / budget_s)
            state.spent_s += time.monotonic() - began
            progress.update(task, completed=state.spent_s, description=described(state))
            if state.spent_s - last_saved >= recipe.save_every_s:
                last_saved = state.spent_s
                store(state, path)
                saved(state)
    store(state, path)
    saved(state)
    return state


def described(state: State) -> str:
    """One line for the progress bar and the log."""
    losses = " ".join(f"{name} {value:.3f}" for name, value in state.losses.items())
    return f"step {state.steps} {losses}"


def recipe_json(recipe: Recipe, state: State) -> dict[str, object]:
    """What the weights' card says about how they came about."""
    return {"recipe": asdict(recipe), "steps": state.steps, "films_drawn": state.steps * recipe.batch}
