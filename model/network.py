"""The detector network: one pass of a light residual trunk over the film, and all windows scored from its one map.

The trunk is a residual network (He et al., 2016) with lateral connections from its coarser maps to the finest one
that is scored (Lin et al., 2017); how the windows are scored is in `pooling`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.pooling import WindowScores
from model.windows import SCALES

BOX_OUTPUTS = 4
BEST_WINDOWS = 10  # the windows whose mean logit speaks for the film

LABELS: tuple[str, ...] = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax",
    "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia", "Lung Opacity",
)  # fmt: skip
BOX_LABELS: tuple[str, ...] = (*LABELS[:8], "Lung Opacity")


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Everything needed to build the network that a weights file fits."""

    side: int = 256  # working square, pixels
    stem: int = 24
    widths: tuple[int, ...] = (32, 64, 128, 256)  # channels at strides 4, 8, 16, 32
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    map_width: int = 96  # channels of the stride-8 map under the windows
    dropout: float = 0.3
    scales: tuple[tuple[int, int], ...] = SCALES  # width x height in the native frame
    labels: tuple[str, ...] = LABELS
    box_labels: tuple[str, ...] = BOX_LABELS
    pooling: str = "average"  # or "maximum": `pooling.POOLINGS`; cards from before there was a choice do not say

    def to_json(self) -> dict[str, Any]:
        """A JSON object from which `from_json` makes an equal value."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> NetworkConfig:
        """The inverse of `to_json`; lists become tuples again."""

        def frozen(value: Any) -> Any:
            return tuple(frozen(item) for item in value) if isinstance(value, list | tuple) else value

        return cls(**{key: frozen(value) for key, value in values.items()})


class Scores(NamedTuple):
    """What one pass says about a batch of B films with N windows.

    image [B, 1 + labels]: logits, the first is "abnormal". window [B, N, 1 + box labels]: logits, the first is "a
    lesion is here". deltas [B, N, 4]: how far the window's edges are from the lesion's (`windows.shift_to`).
    """

    image: Tensor
    window: Tensor
    deltas: Tensor


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (ResNet, basic block)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
            self.shortcut = nn.Sequential(pool, nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """[B, before, H, W] -> [B, after, ceil(H / stride), ceil(W / stride)]."""
        y = functional.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return functional.relu(y + self.shortcut(x))


class Trunk(nn.Module):
    """Film -> a stride-8 map that has seen the stride-16 and stride-32 context, and the stride-32 map itself."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, config.stem, 5, 2, 2, bias=False), nn.BatchNorm2d(config.stem), nn.ReLU(inplace=True)
        )
        before, stages = config.stem, []
        for width, count in zip(config.widths, config.blocks, strict=True):
            blocks = [ResidualBlock(before if i == 0 else width, width, 2 if i == 0 else 1) for i in range(count)]
            stages.append(nn.Sequential(*blocks))
            before = width
        self.stages = nn.ModuleList(stages)
        self.laterals = nn.ModuleList(nn.Conv2d(width, config.map_width, 1) for width in config.widths[1:])
        self.smooth = nn.Sequential(
            nn.Conv2d(config.map_width, config.map_width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(config.map_width),
            nn.ReLU(inplace=True),
        )

    def forward(self, film: Tensor) -> tuple[Tensor, Tensor]:
        """Film [B, 1, side, side] -> (map [B, map_width, side / 8, side / 8], deep [B, C, side / 32, side / 32])."""
        x, levels = self.stem(film), []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        merged: Tensor = self.laterals[2](levels[3])
        for lateral, level in ((self.laterals[1], levels[2]), (self.laterals[0], levels[1])):
            merged = functional.interpolate(merged, size=level.shape[-2:], mode="nearest") + lateral(level)
        return self.smooth(functional.relu(merged)), levels[3]


class LesionNet(nn.Module):
    """Trunk, image head and window head."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(config)
        self.dropout = nn.Dropout(config.dropout)
        self.image = nn.Linear(2 * config.widths[-1], 1 + len(config.labels))
        outputs = 1 + len(config.box_labels) + BOX_OUTPUTS
        self.windows = WindowScores(config.map_width, outputs, config.scales, config.side // 8, config.pooling)
        nn.init.normal_(self.windows.maps.weight, std=0.01)
        with torch.no_grad():
            self.windows.bias[:, : 1 + len(config.box_labels)] = -3.0  # lesions are rare: start by saying so

    def forward(self, film: Tensor) -> Scores:
        """Film [B, 1, side, side], z-scored, bright = dense -> Scores, float32."""
        fine, deep = self.trunk(film)
        pooled = torch.cat([deep.mean((2, 3)), deep.amax((2, 3))], dim=1)  # [B, 2C]
        image = self.image(self.dropout(pooled)).float()
        windows = self.windows(fine)
        return Scores(image, windows[..., :-BOX_OUTPUTS], windows[..., -BOX_OUTPUTS:])


def to_working(film: Tensor, side: int) -> Tensor:
    """Film [..., H, W], any size and intensity scale -> [..., side, side], antialiased resize, whole-image z-score."""
    x = film.float()[(None,) * (4 - film.ndim)]
    low, high = x.amin(), x.amax()
    x = (x - low) / (high - low).clamp_min(torch.finfo(torch.float32).tiny)  # 0..1: no scale is too large or too small
    if x.shape[-2:] != (side, side):
        x = functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return standardise(x).reshape(*film.shape[:-2], side, side)


def standardise(films: Tensor) -> Tensor:
    """Films [B, 1, H, W] -> the same with mean 0 and deviation 1 each; a constant film becomes zeros."""
    mean = films.mean((2, 3), keepdim=True)
    deviation = films.std((2, 3), keepdim=True, correction=0)
    return (films - mean) / deviation.clamp_min(1e-6)
