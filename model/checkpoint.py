"""Weights on disk: safetensors beside a JSON card that names their SHA-256; nothing is ever unpickled.

`detector.safetensors` holds tensors only (stored as float16, computed in float32); `detector.json` holds
the network's configuration, the calibration and the digest. A file whose bytes do not match the digest, or that is no
safetensors file, or that does not fit the configuration, is refused before any tensor is used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from model.calibration import Calibration
from model.network import LesionNet, NetworkConfig

PACKAGED = Path(__file__).parent / "weights" / "detector.safetensors"
FORMAT = "thoraxd-detector-1"
PICKLE_MAGIC = (b"PK\x03\x04", b"\x80\x02", b"\x80\x04")  # torch.save's zip archive, and bare pickles


class WeightsRefused(Exception):  # noqa: N818  (named by what happened, as its callers read it)
    """These weights are not used: absent, tampered with, of another format or of another shape."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything the detector needs. digest: SHA-256 of the safetensors file, hex."""

    name: str
    version: str
    network: NetworkConfig
    tensors: Mapping[str, Tensor]
    calibration: Calibration
    digest: str
    trained: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> LesionNet:
        """The network with these weights, in evaluation mode."""
        network = LesionNet(self.network)
        try:
            network.load_state_dict({name: tensor.float() for name, tensor in self.tensors.items()})
        except RuntimeError as error:
            raise WeightsRefused(f"weights {self.digest[:12]} do not fit their configuration: {error}") from error
        return network.eval()


def save(path: Path, checkpoint: Checkpoint) -> Checkpoint:
    """Write the weights, then the card that vouches for them; the answer carries the digest of what was written."""
    halves = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in checkpoint.tensors.items()
    }
    raw = save_tensors({name: tensor.contiguous() for name, tensor in halves.items()})
    digest = hashlib.sha256(raw).hexdigest()
    card = {
        "format": FORMAT,
        "name": checkpoint.name,
        "version": checkpoint.version,
        "sha256": digest,
        "network": checkpoint.network.to_json(),
        "calibration": checkpoint.calibration.to_json(),
        "trained": dict(checkpoint.trained),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, content in ((path, raw), (path.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())):
        part = target.with_name(target.name + ".part")
        part.write_bytes(content)
        part.replace(target)
    return Checkpoint(
        checkpoint.name,
        checkpoint.version,
        checkpoint.network,
        halves,
        checkpoint.calibration,
        digest,
        checkpoint.trained,
    )


def load(path: Path | None = None) -> Checkpoint:
    """Read weights (None = those shipped with the package); raises WeightsRefused."""
    path = path or PACKAGED
    try:
        raw = path.read_bytes()
        card = json.loads(path.with_suffix(".json").read_text())
    except (OSError, ValueError) as error:
        raise WeightsRefused(f"weights {path} and their card {path.with_suffix('.json').name}: {error}") from error
    if raw.startswith(PICKLE_MAGIC):
        raise WeightsRefused(f"{path} is a pickled file; only safetensors are loaded")
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise WeightsRefused(f"{path.with_suffix('.json')} is not a {FORMAT} card")
    digest = hashlib.sha256(raw).hexdigest()
    if digest != card.get("sha256"):
        raise WeightsRefused(f"{path} has SHA-256 {digest}, its card says {card.get('sha256')}")
    try:
        return Checkpoint(
            name=str(card["name"]),
            version=str(card["version"]),
            network=NetworkConfig.from_json(card["network"]),
            tensors=load_tensors(raw),
            calibration=Calibration.from_json(card["calibration"]),
            digest=digest,
            trained=card.get("trained", {}),
        )
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsRefused(f"{path}: {error!r}") from error


def tensors_of(network: torch.nn.Module) -> dict[str, Tensor]:
    """The state to store: every parameter and persistent buffer, on the CPU, detached."""
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
