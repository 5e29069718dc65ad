"""Exact bounds on missed patients (Clopper and Pearson, Biometrika 26, 1934), one-sided, at 95 % certainty.

Of n abnormal patients the k lowest-scored are let go by a cut at the next score. The true share below that cut is
distributed as Beta(k + 1, n - k) whatever the scores' law (Wilks, 1941), the same Beta that Clopper and Pearson's
upper bound is a quantile of. So the bound holds although the cut is chosen on the patients that it is counted on,
provided that k is fixed beforehand; it is, by n and the promised share.

Films of one patient are not independent, so patients are counted: each abnormal one has the score of the abnormal
film that scored lowest, and is missed when that film is. The first film, or a random one, would let more pass, and
would promise nothing of the others; the lowest gives a bound that holds whichever of the films is looked at. A normal
film is counted by itself: its share is described, not promised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import beta

from model.promise import Promise
from model.train.films import Film
from model.windows import FloatArray

CERTAINTY = 0.95
PROMISED = (0.01, 0.02, 0.05, 0.10)


def most_missed(missed: int, patients: int) -> float:
    """The share of patients missed is at most this, with 95 % certainty, when `missed` of `patients` were."""
    return 1.0 if missed >= patients else float(beta.ppf(CERTAINTY, missed + 1, patients - missed))


def likely_share(hits: int, count: int) -> tuple[float, float]:
    """The two-sided exact 95 % interval of a share of which `hits` of `count` were seen."""
    tail = (1.0 - CERTAINTY) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, count - hits + 1))
    high = 1.0 if hits == count else float(beta.ppf(1.0 - tail, hits + 1, count - hits))
    return (low, high)


def patients_needed(share: float) -> int:
    """The fewest patients that can promise at most `share` missed: then none of them may be."""
    return math.ceil(math.log(1.0 - CERTAINTY) / math.log(1.0 - share))


def allowed(share: float, patients: int) -> int:
    """How many of so many patients may be missed for the promise to hold; -1 when they are too few."""
    count = -1
    while most_missed(count + 1, patients) <= share:
        count += 1
    return count


def lowest_of_patients(films: Sequence[Film], scores: FloatArray) -> FloatArray:
    """[patients] the lowest score of each patient's abnormal films, ascending; scores [N] are the films'."""
    lowest: dict[str, float] = {}
    for film, score in zip(films, scores, strict=True):
        if not film.normal:
            lowest[film.patient] = min(float(score), lowest.get(film.patient, float("inf")))
    return np.sort(np.array(list(lowest.values()), dtype=np.float64))


def promises(films: Sequence[Film], probabilities: FloatArray, where: str) -> tuple[Promise, ...]:
    """One promise a share of PROMISED, of films of one source with the probabilities [N] that a reader is shown."""
    ordered = lowest_of_patients(films, probabilities)
    normal = np.array([p for film, p in zip(films, probabilities, strict=True) if film.normal], dtype=np.float64)
    found = []
    for share in PROMISED:
        missed = allowed(share, len(ordered))
        if missed < 0:
            found.append(Promise(where, share, len(ordered), patients_needed(share)))
            continue
        cut = float(ordered[missed])
        recall = float((normal < cut).mean()) if len(normal) else 0.0
        found.append(Promise(where, share, len(ordered), patients_needed(share), round(cut, 4), round(recall, 4)))
    return tuple(found)
