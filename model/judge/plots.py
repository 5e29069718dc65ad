"""The plots of the report as PNG bytes, drawn without a display."""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from model.judge.froc import RATES, froc_curve
from model.judge.graded import Graded
from model.judge.strata import by_folder, enough
from model.judge.triage import roc

COLOURS = (  # of the folders in the order of their names, the same in every plot
    "#0b5394",
    "#c45500",
    "#38761d",
    "#7b3294",
    "#8a6d00",
    "#b3003c",
)
NORMAL, ABNORMAL = "#5b8db8", "#c45500"


def plots(graded: Graded, tree: Mapping[str, Any]) -> dict[str, bytes]:
    """PNG bytes by file name."""
    judged = {name: own for name, own in by_folder(graded).items() if enough(own)}
    boxed = {name: own for name, own in by_folder(graded).items() if name in tree["froc"]}
    colours = dict(zip(by_folder(graded), cycle(COLOURS), strict=False))
    return {
        "roc.png": _roc(judged, tree, colours),
        "scores.png": _scores(judged),
        "calibration.png": _calibration(tree, colours),
        "froc.png": _froc(boxed, colours),
    }


def _canvas(columns: int = 1, width: float = 6.4, height: float = 4.6) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    axes = figure.subplots(1, max(columns, 1), squeeze=False)[0]
    for one in axes:
        one.grid(alpha=0.25)
        one.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)
    return out.getvalue()


def _roc(folders: Mapping[str, Graded], tree: Mapping[str, Any], colours: Mapping[str, str]) -> bytes:
    figure, (axes,) = _canvas(width=5.6, height=5.2)
    for name, own in folders.items():
        colour = colours[name]
        alarms, hits = roc(own.probability, own.abnormal)
        axes.plot(alarms, hits, color=colour, label=f"{name}, AUC {tree['triage'][name]['auc']['value']:.3f}")
        at_alarm, at_hit = own.positive[~own.abnormal].mean(), own.positive[own.abnormal].mean()
        axes.plot(at_alarm, at_hit, "o", color=colour)
    axes.plot([0, 1], [0, 1], ":", color="grey", lw=1)
    axes.set(xlabel="normal films called abnormal", ylabel="abnormal films found", title="ROC; dot = operating point")
    axes.set_aspect("equal")
    if folders:
        axes.legend(loc="lower right")
    return _png(figure)


def _scores(folders: Mapping[str, Graded]) -> bytes:
    figure, axes = _canvas(len(folders), width=4.0 * max(len(folders), 1), height=3.2)
    for one, (name, own) in zip(axes, folders.items(), strict=False):
        bins = np.linspace(0, 1, 31).tolist()
        for rows, colour, label in ((~own.abnormal, NORMAL, "normal"), (own.abnormal, ABNORMAL, "abnormal")):
            shown = own.probability[rows]
            one.hist(shown, bins, weights=np.full(len(shown), 1 / len(shown)), color=colour, alpha=0.6, label=label)
        one.set(title=name, xlabel="P(abnormal)", ylabel="share of the class")
        one.legend()
    return _png(figure)


def _calibration(tree: Mapping[str, Any], colours: Mapping[str, str]) -> bytes:
    figure, (axes,) = _canvas(width=5.6, height=5.2)
    axes.plot([0, 1], [0, 1], ":", color="grey", lw=1)
    for name, curve in tree["calibration"].items():
        said = [point["probability"] for point in curve]
        true = np.array([point["abnormal"]["value"] for point in curve])
        ends = np.array([[point["abnormal"]["low"], point["abnormal"]["high"]] for point in curve]).T
        # a tenth whose draws are one-sided may have its value at the very end
        error = np.abs(np.stack([true - np.minimum(ends[0], true), np.maximum(ends[1], true) - true]))
        axes.errorbar(said, true, yerr=error, fmt="o-", ms=4, lw=1.2, capsize=2, color=colours[name], label=name)
    axes.set(xlabel="probability said", ylabel="share abnormal", xlim=(0, 1), ylim=(0, 1), title="Calibration")
    axes.set_aspect("equal")
    if tree["calibration"]:
        axes.legend(loc="upper left")
    return _png(figure)


def _froc(folders: Mapping[str, Graded], colours: Mapping[str, str]) -> bytes:
    figure, (axes,) = _canvas(width=6.0, height=4.2)
    for name, own in folders.items():
        false, right = froc_curve(own)
        axes.step(false, right, where="post", color=colours[name], label=name)
    for rate in RATES:
        axes.axvline(rate, color="grey", lw=0.6, ls=":")
    axes.set(xscale="log", xlim=(0.02, 4), ylim=(0, 1), title="FROC, IoU 0.3",
             xlabel="false marks on a normal film", ylabel="true boxes met")  # fmt: skip
    axes.set_xticks([0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4], ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "4"])
    if folders:
        axes.legend(loc="upper left")
    return _png(figure)
