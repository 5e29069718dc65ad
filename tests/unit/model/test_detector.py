"""The detector's answers: valid, in source pixels, and the same every time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from model.detector import Detector
from model.findings import Findings
from model.network import BOX_LABELS, LABELS


@pytest.fixture
def detector(tiny_weights: Path) -> Detector:
    return Detector.load(tiny_weights, "cpu")


@pytest.mark.parametrize("shape", [(64, 64), (200, 140), (90, 333)])
def test_findings_lie_inside_the_film(detector: Detector, shape: tuple[int, int]):
    found = detector.detect(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    assert (found.height, found.width) == shape and 0 <= found.probability <= 1
    assert 1 <= len(found.lesions) <= 10 and set(found.labels) == set(LABELS)
    for lesion in found.lesions:
        x0, y0, x1, y1 = lesion.box
        assert 0 <= x0 < x1 <= found.width and 0 <= y0 < y1 <= found.height
        assert lesion.label in BOX_LABELS and 0 <= lesion.probability <= 1


def test_a_wider_film_gives_the_same_boxes_in_its_own_pixels(detector: Detector, film: np.ndarray):
    """Each pixel repeated is nearly the same film to an antialiased resize; its boxes are twice and thrice as large."""
    large = film.repeat(3, axis=0).repeat(2, axis=1)
    small_boxes = np.array([lesion.box for lesion in detector.detect(film).lesions])
    large_boxes = np.array([lesion.box for lesion in detector.detect(large).lesions])
    assert large_boxes[0] / [2, 3, 2, 3] == pytest.approx(small_boxes[0], abs=3.0)


def test_a_mirrored_film_gives_mirrored_boxes(detector: Detector, film: np.ndarray):
    plain, mirrored = detector.detect(film), detector.detect(np.ascontiguousarray(film[:, ::-1]))
    assert mirrored.probability == pytest.approx(plain.probability, abs=1e-3)
    x0, y0, x1, y1 = plain.lesions[0].box
    assert mirrored.lesions[0].box == pytest.approx((film.shape[1] - x1, y0, film.shape[1] - x0, y1), abs=0.5)


def test_the_intensity_scale_does_not_matter(detector: Detector, film: np.ndarray):
    plain, scaled = detector.detect(film), detector.detect(film * 16 + 1000)
    assert plain.probability == pytest.approx(scaled.probability, abs=2e-3)


@pytest.mark.parametrize(
    "bad",
    [np.zeros((3, 80, 80), np.float32), np.zeros((63, 200), np.float32), np.full((80, 80), np.nan, np.float32)],
    ids=["three axes", "too small", "nan"],
)
def test_what_is_no_film_is_refused(detector: Detector, bad: np.ndarray):
    with pytest.raises(ValueError, match="film"):
        detector.detect(bad)


def test_a_blank_film_is_answered(detector: Detector):
    assert isinstance(detector.detect(np.zeros((100, 100), np.float32)), Findings)


def test_many_films_are_answered_as_each_alone(detector: Detector, film: np.ndarray):
    films = [film, film[::-1].copy(), film[:100]]
    assert detector.detect_many(films) == [detector.detect(one) for one in films]


def test_the_same_film_gives_the_same_findings_in_another_process_with_other_threads(tmp_path: Path, film: np.ndarray):
    """The shipped weights: bit for bit, whatever the number of threads."""
    np.save(tmp_path / "film.npy", film)
    code = (
        "import sys, numpy as np, torch; torch.set_num_threads(int(sys.argv[2]));"
        "from model.detector import Detector; print(Detector.load(None, 'cpu').detect(np.load(sys.argv[1])))"
    )
    answers = {repr(Detector.load(None, "cpu").detect(film)) for _ in range(2)}
    root = Path(__file__).parents[3]
    for threads in ("1", "2"):
        command = [sys.executable, "-c", code, str(tmp_path / "film.npy"), threads]
        answers.add(subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip())
    assert len(answers) == 1


def test_identity_names_the_weights_and_the_operating_point():
    identity = Detector.load(None, "cpu").identity
    assert len(identity.digest) == 64 and identity.operating_point.startswith("P >= 0.")


def test_detecting_leaves_the_number_of_threads_alone(detector: Detector, film: np.ndarray):
    before = torch.get_num_threads()
    detector.detect(film)
    assert torch.get_num_threads() == before
