"""`thoraxd show STUDY --png`: pictures drawn from the result objects themselves, as a viewer would show them.

The worker's code draws, in a process of its own: the daemon imports nothing that reads pixels.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from daemon.core.errors import ThoraxdError
from daemon.store.archive import Archive

# Of each image the first that there is; of one that was not analysed, those that draw without its pixels.
PREFERRED = ("gsps", "sr", "sc")
UNREAD = ("sc", "text-sr")
OVER_IMAGES = ("sr", "chest-cad-sr")  # one object for the study, a picture for each image
_PATIENCE_S = 120


class NoPicture(ThoraxdError):  # noqa: N818  named by what the caller must know
    """The study has nothing to draw, or it cannot be drawn."""


class Order(NamedTuple):
    """One picture: of which object, over which image ("": none), by SOP Instance UID."""

    object_uid: str
    image_uid: str


def draw_study(
    report: dict[str, Any], keys: dict[str, str], archive: Archive, out: Path, form: str | None
) -> list[dict[str, Any]]:
    """Draws the study's newest results: for each picture its "path", "object", "image" and "notes" (what is left out).

    report: of `Views.studies`. keys: archive keys by SOP Instance UID. One picture goes to `out` (.png), several into a
    folder of that name, named by their images. form: which output, None for the first of PREFERRED that an image has.
    Raises NoPicture and StoreUnavailable.
    """
    orders = list(_orders(report, form))
    if not orders:
        raise NoPicture(_nothing(report, form))
    named_png = out.suffix.lower() == ".png"
    file = out if named_png else out.with_name(f"{out.name}.png")
    folder = out.with_suffix("") if named_png else out
    if len(orders) == 1 and not out.is_dir():
        return [_draw(orders[0], keys, archive, file)]
    return [_draw(order, keys, archive, folder / f"{order.image_uid or order.object_uid}.png") for order in orders]


def print_pictures(console: Console, pictures: Sequence[dict[str, Any]]) -> None:
    """A line a picture."""
    for picture in pictures:
        left_out = f"  ({'; '.join(picture['notes'])})" if picture["notes"] else ""
        console.print(f"picture   {picture['path']}{left_out}", soft_wrap=True, highlight=False, markup=False)


def _orders(report: dict[str, Any], form: str | None) -> Iterator[Order]:
    looked_at = [item["sop_uid"] for item in report["instances"] if item["state"] != "SET_ASIDE"]
    unread = {item["sop_uid"] for item in report["instances"] if item["state"] == "FAILED"}
    for image_uid in looked_at:
        for kind in (form,) if form else UNREAD if image_uid in unread else PREFERRED:
            if kind == "text-sr":  # of the whole study, over no image
                continue
            about = (image_uid, "") if kind in OVER_IMAGES else (image_uid,)
            found = _newest([item for item in report["outputs"].get(kind, []) if item["source_sop_uid"] in about])
            if found:
                yield Order(found["sop_uid"], image_uid)
                break
    whole = form if form not in OVER_IMAGES else None
    if form is None and unread and "sc" not in report["outputs"]:
        whole = "text-sr"
    if whole:
        found = _newest([item for item in report["outputs"].get(whole, []) if not item["source_sop_uid"]])
        if found:
            yield Order(found["sop_uid"], "")


def _nothing(report: dict[str, Any], form: str | None) -> str:
    if any(item["withdrawn"] for items in report["outputs"].values() for item in items):
        return "the study's results are withdrawn; --form rejection draws the note"
    if not form and report["not_analysed"]:
        return f"not analysed ({report['not_analysed']}); only an sc or a text-sr would show that"
    return f"the study has no {form or ' or '.join(PREFERRED)} to draw"


def _newest(outputs: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Of the last revision, rather one with marks; none that was withdrawn."""
    valid = [item for item in outputs if not item["withdrawn"]]
    return max(valid, key=lambda item: (item["revision"], item["marking"]), default=None)


def _draw(order: Order, keys: dict[str, str], archive: Archive, path: Path) -> dict[str, Any]:
    with ExitStack() as stack:
        files = [str(stack.enter_context(archive.local(keys[uid]))) for uid in order if uid]
        command = [sys.executable, "-m", "worker.render", *files, "--out", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            raise NoPicture(f"{order.object_uid}: no picture within {_PATIENCE_S} s") from error
    if done.returncode:
        raise NoPicture(f"{order.object_uid}: {(done.stderr.strip().splitlines() or ['no picture'])[-1]}")
    notes = [line.removeprefix("note: ") for line in done.stderr.splitlines() if line.startswith("note: ")]
    return {"path": str(path), "object": order.object_uid, "image": order.image_uid, "notes": notes}
