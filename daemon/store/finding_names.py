"""Names of the lesions that readers are shown, study by study; remembered, since an answer is mostly its heat map."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from daemon.core.states import JobState
from daemon.store.schema import JobRow

_KEPT = 4000  # answers


class FindingNames:
    """By job and when it was answered: a replay gives another answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: OrderedDict[tuple[int, float | None], tuple[str, ...]] = OrderedDict()

    def of(self, session: Session, study_uids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Names by study, film by film, the most probable first; none for a study without any."""
        rows = session.execute(
            select(JobRow.id, JobRow.finished_at, JobRow.study_uid, JobRow.state)
            .where(JobRow.study_uid.in_(study_uids), JobRow.kind == "analyse")
            .order_by(JobRow.id)
        )
        # Not a condition: SQLite would go through the index of all jobs that are done.
        jobs = [(job_id, at, study_uid) for job_id, at, study_uid, state in rows if state == JobState.DONE]
        with self._lock:
            known = {(job_id, at): self._names[job_id, at] for job_id, at, _ in jobs if (job_id, at) in self._names}
        new = [job_id for job_id, at, _ in jobs if (job_id, at) not in known]
        if new:
            read = session.execute(select(JobRow.id, JobRow.finished_at, JobRow.answer).where(JobRow.id.in_(new)))
            known |= self._keep({(job_id, at): _shown(answer) for job_id, at, answer in read})
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for job_id, at, study_uid in jobs:
            found[study_uid].update(dict.fromkeys(known.get((job_id, at), ())))
        return {study_uid: tuple(names) for study_uid, names in found.items()}

    def _keep(
        self, names: dict[tuple[int, float | None], tuple[str, ...]]
    ) -> dict[tuple[int, float | None], tuple[str, ...]]:
        with self._lock:
            self._names.update(names)
            while len(self._names) > _KEPT:
                self._names.popitem(last=False)
        return names


def _shown(answer: str) -> tuple[str, ...]:
    lesions = json.loads(answer).get("findings", {}).get("lesions", ()) if answer else ()
    shown = sorted((lesion for lesion in lesions if lesion["shown"]), key=lambda lesion: -lesion["probability"])
    return tuple(dict.fromkeys(lesion["label"] for lesion in shown))
