"""What a run is between two steps, on disk so that a kill at any moment costs minutes and changes nothing.

The file is written whole beside the old one, flushed to the disk and renamed. It says what it belongs to (recipe,
network, films, starting weights, processes); a run of anything else is refused rather than mixed with it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from model.network import LesionNet
from model.train.parallel import Team
from model.train.recipe import Recipe

FORMAT = 2


class StateRefused(Exception):  # noqa: N818  (named by what happened, as its callers read it)
    """The stored run is of another training, or no stored run at all."""


@dataclass(slots=True)
class State:
    """Weights, averaged weights, optimiser, generator, the time spent on steps, and the curve so far.

    wrapped: the network, or what averages its gradients over processes. curve: one row a save. drawn: the state of
    `rng` behind the last batch that was worked on.
    """

    network: LesionNet
    averaged: LesionNet
    optimiser: torch.optim.AdamW
    rng: np.random.Generator
    team: Team
    wrapped: nn.Module
    drawn: Mapping[str, Any]
    spent_s: float = 0.0
    steps: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return torch.device(self.team.device)


def fresh(network: LesionNet, recipe: Recipe, team: Team | None = None) -> State:
    """The state before the first step; one-dimensional parameters are not decayed.

    A process on its own draws from the recipe's seed, one of several from the seed and its rank.
    """
    team = team or Team()
    torch.manual_seed(recipe.seed + team.rank)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network = network.to(team.device)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": recipe.decay}, {"params": plain, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=recipe.rate, fused=True)
    rng = np.random.default_rng(recipe.seed if team.size == 1 else [recipe.seed, team.rank])
    averaged = deepcopy(network).eval()
    return State(network, averaged, optimiser, rng, team, team.shared(network), rng.bit_generator.state)


def store(state: State, path: Path, belongs: Mapping[str, str]) -> None:
    """Write the state; `restore` brings it back. Every process of a team calls this, the first one writes."""
    generators = state.team.gathered(_generators(state))
    if any(other["weights"] != generators[0]["weights"] for other in generators):
        raise RuntimeError("the processes have come out of step: their weights differ")
    if not state.team.leads:
        return
    content = {
        "format": FORMAT,
        "belongs": dict(belongs),
        "network": state.network.state_dict(),
        "averaged": state.averaged.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "generators": generators,
        "spent_s": state.spent_s,
        "steps": state.steps,
        "losses": state.losses,
        "curve": state.curve,
    }
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def restore(state: State, path: Path, belongs: Mapping[str, str]) -> State:
    """The stored run continued in `state`'s network; loaded with weights_only, so nothing is executed.

    Raises StateRefused where the file is another run's.
    """
    try:
        stored = torch.load(path, weights_only=True, map_location=state.device)
    except Exception as error:  # torch has no closed set of errors for a file that is none of its own
        raise StateRefused(f"{path} is no stored run: delete it to start again") from error
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise StateRefused(f"{path} was stored by another version: delete it to start again")
    other = sorted(what for what, value in belongs.items() if stored["belongs"].get(what) != value)
    if other:
        raise StateRefused(
            f"{path} holds a run with other {', '.join(other)}: repeat the command it was started with, "
            "or take another --work, or delete the file to start again"
        )
    state.network.load_state_dict(stored["network"])
    state.averaged.load_state_dict(stored["averaged"])
    state.optimiser.load_state_dict(stored["optimiser"])
    _set_generators(state, stored["generators"][state.team.rank])
    state.spent_s, state.steps = stored["spent_s"], stored["steps"]
    state.losses, state.curve = stored["losses"], stored["curve"]
    return state


def _generators(state: State) -> dict[str, Any]:
    """This process's generators, and the digest of its weights: all processes must have the same."""
    parameters = state.network.parameters()
    found: dict[str, Any] = {
        # As text: 128 bits are more than torch's file holds. All of it: half a word may wait in the generator
        "drawn": json.dumps(dict(state.drawn)),
        "torch": torch.get_rng_state(),
        "weights": hashlib.sha256(b"".join(p.detach().cpu().numpy().tobytes() for p in parameters)).hexdigest(),
    }
    if state.device.type == "cuda":
        found["cuda"] = torch.cuda.get_rng_state(state.device)
    return found


def _set_generators(state: State, stored: Mapping[str, Any]) -> None:
    state.rng.bit_generator.state = json.loads(stored["drawn"])
    state.drawn = state.rng.bit_generator.state
    torch.set_rng_state(stored["torch"].cpu())
    if "cuda" in stored:
        torch.cuda.set_rng_state(stored["cuda"].cpu(), state.device)
