"""`python -m worker.identity`: loads the weights that the settings name and says which they are."""

from __future__ import annotations

import sys
from pathlib import Path

from daemon.settings import load_from_environment
from model.checkpoint import WeightsRefused
from model.detector import Detector
from model.picture import PictureCheck, WeightsError


def main() -> int:
    """0 and one line on stdout, or 1 and the reason on stderr."""
    settings = load_from_environment().model
    try:
        detector = Detector.load(Path(settings.weights) if settings.weights else None, settings.device)
        checked = f"picture check {PictureCheck.load().digest[:12]}" if settings.picture_check else "no picture check"
    except (WeightsRefused, WeightsError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{detector.identity}; {checked}; operating point: {detector.identity.operating_point}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
