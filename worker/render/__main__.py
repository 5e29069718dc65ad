"""`python -m worker.render OBJECT [IMAGE...] --out FILE.png`: the pictures of one result object.

One picture goes to FILE.png, several (an SR on several films) into the folder FILE. Prints their paths, one a line, and
on stderr what was left out. Exit 1 with a reason, never a traceback, when no picture can be made.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image, PngImagePlugin

from daemon.core.errors import ThoraxdError
from worker.pixels import read_dataset
from worker.render.draw import Drawn, draw


def main() -> int:
    """0 and the paths on stdout, or 1 and the reason on stderr."""
    options = _options()
    try:
        images = [read_dataset(image) for image in options.image]
        pictures = draw(read_dataset(options.object), images, options.size)
        paths = _places(options.out, pictures)
        for path, drawn in zip(paths, pictures, strict=True):
            _save(drawn, path, options.object)
    except (ThoraxdError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for drawn in pictures:
        sys.stderr.writelines(f"note: {note}\n" for note in drawn.notes)
    sys.stdout.writelines(f"{path}\n" for path in paths)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m worker.render", description=__doc__)
    parser.add_argument("object", type=Path, help="GSPS, SR, KOS, Secondary Capture or Parametric Map")
    parser.add_argument("image", type=Path, nargs="*", help="the images that it may be about")
    parser.add_argument("--out", type=Path, required=True, help="FILE.png")
    parser.add_argument("--size", type=_size, help="WIDTHxHEIGHT of the image's part of the picture")
    return parser.parse_args()


def _size(words: str) -> tuple[int, int]:
    width, _, height = words.partition("x")
    if not (1 <= int(width) <= 8000 and 1 <= int(height) <= 8000):
        raise ValueError("out of range")
    return int(width), int(height)


def _places(out: Path, pictures: list[Drawn]) -> list[Path]:
    if len(pictures) == 1:
        return [out]
    return [out.with_suffix("") / f"{drawn.image_uid}.png" for drawn in pictures]


def _save(drawn: Drawn, path: Path, source: Path) -> None:
    said = PngImagePlugin.PngInfo()
    said.add_text("Source", source.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawn.picture).save(path, format="PNG", pnginfo=said)


if __name__ == "__main__":
    sys.exit(main())
