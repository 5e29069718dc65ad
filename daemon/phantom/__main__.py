"""`python -m daemon.phantom FILE`: one film as DICOM, or as .npz many small ones to train the picture check with.

The .npz holds `pa` and `ll`, uint8 [N, 144, 144], bright = dense: subjects 0..N-1, every second with an opacity.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.phantom.film import Opacity, thorax
from daemon.phantom.instance import phantom_dicom
from daemon.phantom.solids import View


def main() -> None:
    """Write the file that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m daemon.phantom", description="Make synthetic chest films.")
    parser.add_argument("file", type=Path, help="x.dcm: one film; x.npz: --count frontal and lateral thumbnails")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--view", choices=("PA", "LL"), default="PA")
    parser.add_argument("--count", type=int, default=200)
    given = parser.parse_args()
    if given.file.suffix == ".npz":
        np.savez_compressed(given.file, pa=_thumbnails("PA", given.count), ll=_thumbnails("LL", given.count))
    else:
        given.file.write_bytes(phantom_dicom(given.seed, view=given.view))


def _thumbnails(view: View, count: int) -> NDArray[np.uint8]:
    films = [thorax(seed, 288, 288, view, Opacity() if seed % 2 else None).pixels for seed in range(count)]
    small = np.stack(films).reshape(count, 144, 2, 144, 2).mean(axis=(2, 4))
    return (small / 16).astype(np.uint8)


if __name__ == "__main__":
    main()
