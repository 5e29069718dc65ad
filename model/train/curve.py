"""The curve of a run: one row a save, as curve.csv and curve.png, with an early look at films that do not train.

Nothing is decided on the early look: no length, no weights. It is there so that a person sees a run go wrong.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from model.metrics import BoolArray, auc
from model.network import BEST_WINDOWS, LesionNet, standardise
from model.train.cache import ByteArray
from model.train.recipe import Recipe, rate_at
from model.train.state import State

MOST_LOOKED_AT = 200  # films
AT_ONCE = 16  # films
Row = dict[str, float]


@torch.inference_mode()
def early_look(network: LesionNet, pixels: ByteArray, abnormal: BoolArray) -> float:
    """AUC of a network on films uint8 [N, side, side]; nan without both classes. Draws no random number."""
    device = next(network.parameters()).device
    logits = []
    for first in range(0, len(pixels), AT_ONCE):
        films = torch.from_numpy(pixels[first : first + AT_ONCE].astype(np.float32))[:, None].to(device)
        with torch.autocast(device.type, torch.bfloat16):
            scores = network(standardise(films))
        top = scores.window[..., 0].topk(BEST_WINDOWS, dim=1).values.mean(1)
        logits.append((scores.image[:, 0] + top).float().cpu().numpy())
    return auc(np.concatenate(logits), abnormal) if logits else float("nan")


def row_of(state: State, recipe: Recipe, look: float) -> Row:
    """What the curve says of a run at this step."""
    last = max(state.steps - 1, 0)
    plain = {
        "drawn": float(state.steps * recipe.batch),
        "seconds": round(state.spent_s, 1),
        "side": float(recipe.side_of(last, state.network.config.side)),
        "rate": round(rate_at(last, recipe), 8),
    }
    losses = {name: round(value, 4) for name, value in state.losses.items()}
    return plain | losses | {"total": round(sum(state.losses.values()), 4), "held_out_auc": round(look, 4)}


def write_curve(rows: Sequence[Row], folder: Path) -> None:
    """curve.csv and curve.png in a folder, each replaced whole."""
    if not rows:
        return
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: "" if np.isnan(value) else f"{value:.10g}" for name, value in row.items()} for row in rows)
    picture = io.BytesIO()
    _drawn(rows).savefig(picture, format="png")
    for name, content in (("curve.csv", table.getvalue().encode()), ("curve.png", picture.getvalue())):
        part = folder / f"{name}.part"
        part.write_bytes(content)
        part.replace(folder / name)


def _drawn(rows: Sequence[Row]) -> Figure:
    """Losses, the early look and the rate over films drawn, with the side of the films as bands."""
    figure = Figure(figsize=(9, 8), dpi=100)
    losses, look, rate = figure.subplots(3, 1, sharex=True, height_ratios=(3, 2, 1))
    figure.subplots_adjust(left=0.1, right=0.97, top=0.95, bottom=0.07, hspace=0.08)
    drawn = [row["drawn"] for row in rows]
    plain = ("drawn", "seconds", "side", "rate", "total", "held_out_auc")
    for name in [name for name in rows[0] if name not in plain]:
        losses.plot(drawn, [row[name] for row in rows], label=name, marker=".")
    losses.set(ylabel="loss (smoothed)", title=f"{drawn[-1]:,.0f} films drawn, {rows[-1]['seconds']:,.0f} s")
    losses.legend(fontsize="small", ncols=2)
    look.plot(drawn, [row["held_out_auc"] for row in rows], marker=".", color="black")
    look.set(ylabel="AUC on films\nleft out", ylim=(0.4, 1.0))
    look.axhline(0.5, linewidth=0.5, linestyle=":")
    rate.plot(drawn, [row["rate"] for row in rows], color="grey", marker=".")
    rate.set(ylabel="rate", xlabel="films drawn", ylim=(0, None))
    for before, row in pairwise(rows):
        if row["side"] != before["side"]:
            for axis in (losses, look, rate):
                axis.axvline(before["drawn"], color="grey", linestyle="--", linewidth=0.8)
            losses.annotate(f" {row['side']:.0f} px", (before["drawn"], losses.get_ylim()[1]), va="top", fontsize=8)
    return figure
