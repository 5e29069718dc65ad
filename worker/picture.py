"""`python -m worker.picture`: draws films with the lesions that the ledger has for them.

Reads one JSON object a line from stdin: {"film": DICOM path, "answer": the job's answer, "png": where to}.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from worker.answers import Answer
from worker.overlay import draw
from worker.pixels import film


def main() -> int:
    """Draw every line of stdin."""
    for line in sys.stdin:
        order = json.loads(line)
        draw(film(Path(order["film"])).image, Answer.from_json(order["answer"]).findings, Path(order["png"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
