"""The detector: a film in, findings in the film's own pixels out.

Probabilities are calibrated and rounded to 4 decimals, boxes to 0.01 px, so that the last bits of floating-point
sums, which may depend on the number of threads, do not reach the reports: the same film gives the same findings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from model.calibration import Calibration
from model.checkpoint import Checkpoint, load
from model.findings import Box, Findings, Lesion, ModelIdentity
from model.heat import heat_map
from model.naming import name_inputs, specific_names
from model.network import NetworkConfig
from model.reading import Reader, Reading
from model.windows import FloatArray, to_source

LEAST_SIDE = 64  # pixels: below this a film holds nothing to read
LEAST_BOX = 0.02  # boxes are never thinner, pixels; keeps x0 < x1 after rounding


class Detector:
    """Weights on a device. Not thread-safe; one a process."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.config: NetworkConfig = checkpoint.network
        self.calibration: Calibration = checkpoint.calibration
        cut = f"P >= {self.calibration.operating_point:.4f}: {self.calibration.words}"
        self.identity = ModelIdentity(checkpoint.name, checkpoint.version, checkpoint.digest, cut)
        self.reader = Reader(checkpoint.build(), device)

    @classmethod
    def load(cls, weights: Path | None = None, device: str = "auto") -> Detector:
        """The detector with these weights (None = those shipped); device "auto" takes a GPU when there is one.

        Raises model.checkpoint.WeightsRefused.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(load(weights), torch.device(device))

    def detect(self, image: npt.NDArray[np.float32]) -> Findings:
        """Film [H, W], 64 px a side or more, finite, any linear intensity scale, bright = dense -> Findings.

        Raises ValueError for anything else.
        """
        if image.ndim != 2 or min(image.shape) < LEAST_SIDE:
            raise ValueError(f"a film is [H, W] with at least {LEAST_SIDE} px a side, this is {list(image.shape)}")
        if not np.isfinite(image).all():
            raise ValueError("the film holds values that are not finite")
        height, width = image.shape
        scores = self.reader.scores(image.astype(np.float32, copy=False))
        reading = self.reader.reading(scores)
        found = findings(reading, self.calibration, self.config, width, height)
        boxes, logits = self.reader.candidates(scores)
        return replace(found, heat=heat_map(boxes, _chances(logits[:, 0], reading, self.calibration)))

    def detect_many(self, images: Sequence[npt.NDArray[np.float32]]) -> list[Findings]:
        """`detect` of each film, in order."""
        return [self.detect(image) for image in images]


def findings(reading: Reading, calibration: Calibration, config: NetworkConfig, width: int, height: int) -> Findings:
    """A reading of a width x height film, calibrated and in its pixels; without its heat, which needs all windows."""
    probability = round(float(calibration.film(reading.film)), 4)
    operating_point = round(calibration.operating_point, 4)
    positive = probability >= operating_point
    chances = _chances(reading.lesions, reading, calibration)
    lesions = []
    called = _called(reading, calibration, config)
    for box, chance, (label, classes) in zip(to_source(reading.boxes, width, height), chances, called, strict=True):
        rounded = round(float(chance), 4)
        shown = positive and rounded >= calibration.lesion_cut
        lesions.append(Lesion(_rounded(box, width, height), rounded, label, shown, classes))
    named = zip(config.labels, calibration.labels, reading.labels, strict=False)
    labels = {name: round(float(logistic(np.array([logit]))), 4) for name, logistic, logit in named}
    return Findings(width, height, probability, operating_point, tuple(lesions), labels)


def _chances(logits: FloatArray, reading: Reading, calibration: Calibration) -> FloatArray:
    """Calibrated chances [K] of lesions or windows of these logits [K] in the reading's film."""
    film_logit = np.full(len(logits), calibration.film.logit(reading.film))
    return calibration.lesion(np.stack([logits, film_logit], axis=1))


def _called(reading: Reading, calibration: Calibration, config: NetworkConfig) -> list[tuple[str, Mapping[str, float]]]:
    """The name of each lesion and the chances of the specific names, rounded before they are compared."""
    if not calibration.names.bias:
        return [(config.box_labels[int(np.argmax(own))], {}) for own in reading.names]
    own = specific_names(config.box_labels)
    inputs = name_inputs(reading.names, reading.labels, config.labels, config.box_labels)
    rounded = calibration.names.chances(inputs).round(4).tolist()
    classes: list[dict[str, float]] = [dict(zip(own, row, strict=True)) for row in rounded]
    return [(calibration.names.choose(chances), chances) for chances in classes]


def _rounded(box: npt.NDArray[np.float64], width: int, height: int) -> Box:
    """A source-pixel box to 0.01 px, inside the film and never empty."""
    x0, y0, x1, y1 = (round(float(value), 2) for value in box)
    x0, y0 = min(max(x0, 0.0), width - LEAST_BOX), min(max(y0, 0.0), height - LEAST_BOX)
    x1, y1 = min(max(x1, x0 + LEAST_BOX), float(width)), min(max(y1, y0 + LEAST_BOX), float(height))
    return (round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2))
