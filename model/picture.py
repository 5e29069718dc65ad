"""Is this picture an upright frontal radiograph of a human chest, bright where dense?

Headers lie or are empty (PS3.3 lets CR leave Body Part Examined and View Position out), so pixels decide. Two votes: a
small network that names what it sees, and the Mahalanobis distance of its features from those of real frontal films
(Lee et al., NeurIPS 2018), which refuses kinds of picture that no training set foresaw.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save_file
from torch import Tensor, nn
from torch.nn import functional

SIDE = 96
KINDS = (
    "frontal chest",
    "inverted",
    "rotated 90",
    "rotated 180",
    "rotated 270",
    "lateral chest",
    "not a frontal chest",
)
FRONTAL = KINDS.index("frontal chest")
LONGEST_ASPECT = 1.9  # of 12,000 real films none is longer than 1.5 times its width
SHIPPED = Path(__file__).parent / "weights" / "picture.safetensors"


class WeightsError(ValueError):
    """The weights file is missing its description or does not match its digest."""


@dataclass(frozen=True, slots=True)
class PictureVerdict:
    """frontal: 0..1, how surely the picture may be analysed. kind: one of `KINDS`, "blank" or "too narrow"."""

    frontal: float
    kind: str
    accepted: bool

    @property
    def reason(self) -> str:
        """One phrase for a log or a reader."""
        return f"{self.kind} ({self.frontal:.3f})"


class PictureNet(nn.Module):
    """Standardised pictures [N, 1, 96, 96] -> logits [N, 7] and features [N, 96]; about 190,000 parameters."""

    mean: Tensor
    precision: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *_layer(1, 16, stride=2),
            *_layer(16, 32, stride=2),
            *_layer(32, 48),
            nn.MaxPool2d(2),
            *_layer(48, 64),
            nn.MaxPool2d(2),
            *_layer(64, 96),
            nn.MaxPool2d(2),
        )  # [N, 96, 3, 3]
        # Position matters (which side the heart is on top of what), so the last map is flattened, not averaged.
        self.mix = nn.Linear(96 * 9, 96)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(96, len(KINDS))
        self.register_buffer("mean", torch.zeros(96))
        self.register_buffer("precision", torch.eye(96))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [N, 7] and features [N, 96]."""
        features = functional.relu(self.mix(self.trunk(pictures).flatten(1)))
        return self.head(self.drop(features)), features

    def distance(self, features: Tensor) -> Tensor:
        """Mahalanobis distance [N] of features [N, 96] from the real frontal films'."""
        off = features - self.mean
        return ((off @ self.precision) * off).sum(1).clamp_min(0).sqrt()


@dataclass(frozen=True, slots=True)
class PictureCheck:
    """The shipped check. `cut`: least frontal score that is accepted; `reach`: farthest distance that is."""

    network: PictureNet
    cut: float
    reach: float
    digest: str

    @classmethod
    def load(cls, weights: Path | None = None) -> PictureCheck:
        """The check in `weights` (None: the shipped one); the JSON beside it holds digest and limits.

        Raises WeightsError when the two do not belong together.
        """
        path = weights or SHIPPED
        content = path.read_bytes()
        described = json.loads(path.with_suffix(".json").read_text())
        digest = hashlib.sha256(content).hexdigest()
        if digest != described["sha256"]:
            raise WeightsError(f"{path.name}: digest {digest[:12]} is not the described {described['sha256'][:12]}")
        if described["kinds"] != list(KINDS):
            raise WeightsError(f"{path.name}: made for kinds {described['kinds']}")
        network = PictureNet()
        network.load_state_dict(load(content))
        return cls(network.eval(), float(described["cut"]), float(described["reach"]), digest)

    def judge(self, image: NDArray[np.float32]) -> PictureVerdict:
        """The verdict on `image` [H, W], bright = dense, any range."""
        height, width = image.shape
        if max(height, width) > LONGEST_ASPECT * min(height, width):
            return PictureVerdict(0.0, "too narrow", accepted=False)
        picture = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None, None]
        small = functional.interpolate(picture, (SIDE, SIDE), mode="area")
        if not torch.isfinite(small).all() or float(small.std()) < 1e-3 * max(float(small.abs().max()), 1e-6):
            return PictureVerdict(0.0, "blank", accepted=False)
        with torch.inference_mode():
            logits, features = self.network(standardise(small))
            share = logits.softmax(1)[0]
            distance = float(self.network.distance(features)[0])
        kind = int(share.argmax())
        # Both votes in one number: one half exactly at the limit of either.
        frontal = min(_halfway(float(share[FRONTAL]), self.cut), float(1 / (1 + (distance / self.reach) ** 8)))
        if frontal >= 0.5:
            return PictureVerdict(frontal, KINDS[FRONTAL], accepted=True)
        return PictureVerdict(frontal, KINDS[kind] if kind != FRONTAL else KINDS[-1], accepted=False)


def _layer(previous: int, width: int, stride: int = 1) -> tuple[nn.Module, ...]:
    return nn.Conv2d(previous, width, 3, stride, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()


def standardise(pictures: Tensor) -> Tensor:
    """[N, 1, H, W] of any range -> zero mean, unit deviation, clipped to +-3, per picture."""
    mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
    spread = pictures.std(dim=(1, 2, 3), keepdim=True).clamp_min(1e-6)
    return ((pictures - mean) / spread).clamp(-3, 3)


def write(network: PictureNet, path: Path, cut: float, reach: float, note: str) -> None:
    """Weights as safetensors at `path`, and beside them the JSON that `PictureCheck.load` wants."""
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
    described = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "kinds": list(KINDS),
        "side": SIDE,
        "cut": cut,
        "reach": reach,
        "note": note,
    }
    path.with_suffix(".json").write_text(json.dumps(described, indent=1) + "\n")


def _halfway(share: float, cut: float) -> float:
    """`share` 0..1 bent so that `cut` becomes one half; monotone, ends kept."""
    return 0.5 * share / cut if share < cut else 0.5 + 0.5 * (share - cut) / (1 - cut)
