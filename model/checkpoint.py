"""Weights on disk: safetensors beside a JSON card that names their SHA-256; nothing is ever unpickled.

`detector.safetensors` holds tensors only (stored as float16, computed in float32); `detector.json` holds the network's
configuration, the calibration and the digest, under a seal of its own. An ensemble's tensors lie in the one file,
member k's under "k.". A file whose bytes do not match the digest, a card that does not match its seal, and weights that
are no safetensors file, do not fit the configuration or are not finite are refused before a film is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from model.calibration import Calibration
from model.ensemble import Ensemble, Network
from model.network import LesionNet, NetworkConfig

PACKAGED = Path(__file__).parent / "weights" / "detector.safetensors"
FORMAT = "thoraxd-detector-1"
PICKLE_MAGIC = (b"PK\x03\x04", b"\x80\x02", b"\x80\x04")  # torch.save's zip archive, and bare pickles


class WeightsRefused(Exception):  # noqa: N818  (named by what happened, as its callers read it)
    """These weights are not used: absent, tampered with, of another format or of another shape."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything the detector needs. digest: SHA-256 of the safetensors file, hex. members: networks in the file."""

    name: str
    version: str
    network: NetworkConfig
    tensors: Mapping[str, Tensor]
    calibration: Calibration
    digest: str
    trained: Mapping[str, Any] = field(default_factory=dict)
    members: int = 1

    def build(self) -> Network:
        """The network with these weights, or the ensemble, in evaluation mode. Raises WeightsRefused."""
        names = [f"{member}." for member in range(self.members)] if self.members > 1 else [""]
        stray = [name for name in self.tensors if not name.startswith(tuple(names))]
        if stray:
            raise WeightsRefused(
                f"weights {self.digest[:12]} do not fit their configuration: {stray[0]} is no member's"
            )
        networks = [self._member(name) for name in names]
        return networks[0] if len(networks) == 1 else Ensemble(networks).eval()

    def _member(self, prefix: str) -> LesionNet:
        own = {name.removeprefix(prefix): tensor for name, tensor in self.tensors.items() if name.startswith(prefix)}
        try:
            network = LesionNet(self.network)
            network.load_state_dict({name: tensor.float() for name, tensor in own.items()})
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
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
        "members": checkpoint.members,
    }
    card["seal"] = seal(card)
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, content in ((path, raw), (path.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())):
        part = target.with_name(target.name + ".part")
        part.write_bytes(content)
        part.replace(target)
    return replace(checkpoint, tensors=halves, digest=digest)


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
    if "seal" in card and card["seal"] != seal(card):
        raise WeightsRefused(f"{path.with_suffix('.json')} was changed after it was written: its seal is broken")
    try:
        checkpoint = Checkpoint(
            name=str(card["name"]),
            version=str(card["version"]),
            network=NetworkConfig.from_json(card["network"]),
            tensors=load_tensors(raw),
            calibration=Calibration.from_json(card["calibration"]),
            digest=digest,
            trained=card.get("trained", {}),
            members=int(card.get("members", 1)),
        )
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsRefused(f"{path}: {error!r}") from error
    if "seal" not in card and checkpoint.calibration != Calibration():
        raise WeightsRefused(f"{path.with_suffix('.json')} is calibrated and has no seal: nothing vouches for its cuts")
    for name, tensor in checkpoint.tensors.items():
        if not torch.isfinite(tensor).all():  # compared with any cut, a NaN says "normal"
            raise WeightsRefused(f"{path}: {name} holds values that are not finite")
    return checkpoint


def seal(card: Mapping[str, Any]) -> str:
    """SHA-256 of everything else in a card: the calibration and its cuts change answers as much as the weights do.

    Like the weights' digest, no signature: it tells damage and careless edits from what was written.
    """
    sealed = {key: value for key, value in card.items() if key != "seal"}
    return hashlib.sha256(json.dumps(sealed, sort_keys=True).encode()).hexdigest()


def ensemble(paths: Sequence[Path], calibration: Calibration, name: str, version: str) -> Checkpoint:
    """The weights files as one checkpoint of as many members, not yet saved; its digest is empty until it is.

    Raises WeightsRefused for a file that `load` refuses, for a file of several members, or for unlike configurations.
    """
    parts = [load(path) for path in paths]
    if not parts or any(part.members != 1 or part.network != parts[0].network for part in parts):
        raise WeightsRefused("an ensemble is made of single networks of one configuration")
    trained = {"members": [{"sha256": part.digest, **part.trained} for part in parts]}
    if len(parts) == 1:
        return Checkpoint(name, version, parts[0].network, parts[0].tensors, calibration, "", trained)
    tensors = {f"{row}.{key}": tensor for row, part in enumerate(parts) for key, tensor in part.tensors.items()}
    return Checkpoint(name, version, parts[0].network, tensors, calibration, "", trained, len(parts))


def tensors_of(network: torch.nn.Module) -> dict[str, Tensor]:
    """The state to store: every parameter and persistent buffer, on the CPU, detached."""
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
