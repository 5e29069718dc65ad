"""What was sent against what `thoraxd studies` says and what Orthanc holds: counts, and every miss by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
)
from rich.table import Table

from tests.bench.load import Film
from tests.support.peers.orthanc import Held

SR_CLASSES = frozenset({str(Comprehensive3DSRStorage), str(ComprehensiveSRStorage)})
GSPS_CLASS = str(GrayscaleSoftcopyPresentationStateStorage)


@dataclass
class Tally:
    """The outcome of a run. misses: empty when it is as it must be."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)

    def table(self) -> Table:
        """Counts, then reasons why a film got no report."""
        table = Table("what", "count", title="Films and results")
        for name, count in self.counts.items():
            table.add_row(name, str(count))
        for reason, count in sorted(self.reasons.items()):
            table.add_row(f"  {reason}", str(count))
        table.add_row("MISSES", str(len(self.misses)))
        return table


def tally(films: Sequence[Film], studies: Iterable[Mapping[str, Any]], held: Sequence[Held]) -> Tally:
    """Compare.

    Each film of a chest: one SR and one GSPS that refer to it; one that could not be read: a reason, and an SR that
    gives it; each other one: a reason and no result.
    """
    result = Tally()
    reports = {report["study_uid"]: report for report in studies}
    instances = {item["sop_uid"]: item for report in reports.values() for item in report["instances"]}
    srs = Counter(uid for item in held if item.sop_class_uid in SR_CLASSES for uid in item.references)
    gsps = Counter(uid for item in held if item.sop_class_uid == GSPS_CLASS for uid in item.references)
    result.counts["films sent"] = len(films)
    for film in films:
        instance = instances.get(film.sop_uid)
        if instance is None:
            result.misses.append(f"{film.path}: not in `thoraxd studies`")
            continue
        result.counts[f"films {instance['state']}"] += 1
        _judge(result, film, instance, srs[film.sop_uid], gsps[film.sop_uid])
    _judge_held(result, films, held)
    for report in reports.values():
        result.counts[f"studies {report['state']}"] += 1
        if report["state"] == "FAILED" and any(item["state"] == "DONE" for item in report["instances"]):
            result.misses.append(f"study {report['study_uid']}: {report['reason']}")
    return result


def _judge(result: Tally, film: Film, instance: Mapping[str, Any], srs: int, gsps: int) -> None:
    answered = instance["state"] == "DONE"
    due = {"DONE": (1, 1), "FAILED": (1, 0)}.get(instance["state"], (0, 0))
    if (srs, gsps) != due:
        found = f"{instance['state']}, yet {srs} SR and {gsps} GSPS in Orthanc"
        result.misses.append(f"{film.path}: {found}, due are {due[0]} and {due[1]}")
    if not answered:
        result.reasons[f"{instance['state']}: {instance['reason']}"] += 1
        if not instance["reason"]:
            result.misses.append(f"{film.path}: {instance['state']} without a reason")
    if answered != film.chest:
        what = "a frontal human chest" if film.chest else "not a frontal human chest, or without pixels"
        result.misses.append(f"{film.path} is {what}, yet {instance['state']}: {instance['reason']}")


def _judge_held(result: Tally, films: Sequence[Film], held: Sequence[Held]) -> None:
    result.counts["SR in Orthanc"] = sum(item.sop_class_uid in SR_CLASSES for item in held)
    result.counts["GSPS in Orthanc"] = sum(item.sop_class_uid == GSPS_CLASS for item in held)
    others = len(held) - result.counts["SR in Orthanc"] - result.counts["GSPS in Orthanc"]
    result.counts["other objects in Orthanc"] = others
    if others:
        result.misses.append(f"{others} objects in Orthanc are neither SR nor GSPS")
    twice = [uid for uid, count in Counter(item.sop_uid for item in held).items() if count > 1]
    result.misses += [f"result {uid}: more than once in Orthanc" for uid in twice]
    known = {film.sop_uid for film in films}
    result.misses += [f"result {item.sop_uid} refers to what was not sent" for item in held if item.references - known]
    kinds = Counter((item.study_uid, item.sop_class_uid in SR_CLASSES) for item in held)
    per_study = Counter(film.study_uid for film in films)
    result.misses += [
        f"study {study_uid}: {count} {'SR' if is_sr else 'GSPS'} for {per_study[study_uid]} films"
        for (study_uid, is_sr), count in kinds.items()
        if count > per_study[study_uid]
    ]
