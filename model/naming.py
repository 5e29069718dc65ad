"""What a marked place is called: a calibrated choice between the specific names, or the general one.

Most training boxes are of one set that names each "Lung Opacity", so the windows' class logits favour that name
everywhere. Its logit is therefore not asked: the specific names are compared with one another by a multinomial
logistic model of two logits each, the window's and the film's, and with an offset a name. The general name, true of
nearly every shadow, is what remains when no specific one is likely enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.network import BOX_LABELS, LABELS
from model.windows import FloatArray

GENERAL = "Lung Opacity"


@dataclass(frozen=True, slots=True)
class Naming:
    """chances = softmax(window * window logit + film * film logit + bias), over the specific names.

    bias: one a specific name in the order of the box labels; none: not calibrated, the largest window logit names.
    least: a specific name is given from this chance on.
    """

    window: float = 1.0
    film: float = 0.0
    bias: tuple[float, ...] = ()
    least: float = 0.0

    def chances(self, inputs: FloatArray) -> FloatArray:
        """[K, specific] chances, rows sum to 1, of `name_inputs` [K, specific, 2]."""
        logits = self.window * inputs[..., 0] + self.film * inputs[..., 1] + np.array(self.bias)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: FloatArray = odds / odds.sum(axis=1, keepdims=True)
        return result

    def choose(self, chances: Mapping[str, float]) -> str:
        """The name for a lesion with these chances of the specific names."""
        likely = max(chances, key=lambda name: chances[name])
        return likely if chances[likely] >= self.least else GENERAL


def specific_names(box_labels: Sequence[str] = BOX_LABELS) -> tuple[str, ...]:
    """The box labels but the general one."""
    return tuple(name for name in box_labels if name != GENERAL)


def name_inputs(
    names: FloatArray, labels: FloatArray, all_labels: Sequence[str] = LABELS, box_labels: Sequence[str] = BOX_LABELS
) -> FloatArray:
    """Window logits [K, box labels] and the film's label logits [labels] -> [K, specific, 2]; no such label: 0."""
    own = specific_names(box_labels)
    window = names[:, [box_labels.index(name) for name in own]]
    film = np.array([labels[all_labels.index(name)] if name in all_labels else 0.0 for name in own])
    return np.stack([window, np.broadcast_to(film, window.shape)], axis=2)
