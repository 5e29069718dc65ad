"""A daemon in this process with the worker's part played by hand: findings are what the test says, the rest is real."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from pydicom import Dataset
from sqlalchemy import select

from daemon.app import Daemon
from daemon.core.states import JobState
from daemon.settings import Settings
from daemon.store.archive import Archive
from daemon.store.ledger import Ledger
from daemon.store.schema import JobRow
from daemon.web.pages.tokens import Tokens
from daemon.web.secret import web_secret
from model.findings import Box, Findings, HeatMap, Lesion
from tests.support.peers import programs
from tests.support.peers.sender import hang_up, send
from tests.support.reports import IDENTITY
from tests.support.shelf import NOBODY
from worker.answers import Answer
from worker.context import Context
from worker.report import report

_LEASE_S, _ATTEMPTS = 15.0, 3


def seen(film: Dataset, probability: float, *boxes: Box, label: str = "Nodule") -> Findings:
    """Findings on a film, with a heat map: a shown lesion in each box, the first the most probable."""
    lesions = tuple(Lesion(box, 0.9 - 0.1 * at, label, shown=True) for at, box in enumerate(boxes))
    heat = HeatMap(4, 3, tuple(at / 12 for at in range(12)))
    labels = {label: probability} if boxes else {}
    return Findings(int(film.Columns), int(film.Rows), probability, 0.3, lesions, labels, heat)


class ReadingRoom:
    """From start to close. client: to the web server, a browser's way; settings: sections over a test's defaults."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        web = {"port": programs.free_port(), **settings.pop("web", {})}
        self.settings = Settings(
            home=folder / "home",
            web=web,
            scp={"port": programs.free_port()},
            archive={"reserve_mb": 0},
            broker={"url": NOBODY},
            study={"quiet_s": 0.1},
            **settings,
        )
        self.daemon = Daemon(self.settings)
        self.ledger: Ledger = self.daemon.ledger
        self.archive = Archive(self.settings.archive_url)
        self.url = f"http://127.0.0.1:{web['port']}"
        self.client = httpx.Client(base_url=self.url, timeout=60)

    def __enter__(self) -> Self:
        self.daemon.start()
        programs.wait_until(lambda: programs.listens(self.settings.web.port), 10, "the web server")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()
        hang_up(self.settings.scp.port)
        self.daemon.stop()

    def receive(self, *films: Dataset) -> None:
        """By C-STORE."""
        assert send(self.settings.scp.port, list(films)) == [0x0000] * len(films)

    def work(self, findings: Mapping[str, Findings]) -> None:
        """Answers each film by its SOP Instance UID, has its study reported, and waits until it is on the worklist."""
        for job in self._jobs("analyse", findings):
            answer = Answer(findings[job.subject], IDENTITY)
            now, found = time.time(), answer.findings
            claimed = self.ledger.jobs.claim(job.id, "test", now, _LEASE_S, _ATTEMPTS)
            assert claimed is not None
            self.ledger.jobs.finish_analysis(
                claimed, "test", JobState.DONE, now,
                answer=answer.to_json(), probability=found.probability, positive=found.positive,
            )  # fmt: skip
        studies = {job.study_uid for job in self._jobs("analyse", findings, open_only=False)}
        programs.wait_until(lambda: self._reported(studies), 20, "studies reported and on the worklist")

    def _reported(self, studies: set[str]) -> bool:
        # The detector is asked for nothing here, so none is loaded: every film has its answer.
        context = Context(self.settings, self.ledger, self.archive, None, None, "test")  # type: ignore[arg-type]
        for job in self._jobs("report", None):
            report(job.id, context)
        reports = self.ledger.views.studies(list(studies))
        listed = self.ledger.screens.work_items(list(studies))
        return all(one["outputs"] for one in reports) and set(listed) == studies and not self._unplaced()

    def _unplaced(self) -> bool:
        return bool(self.ledger.reading.awaiting(1))

    def _jobs(self, kind: str, subjects: Mapping[str, Any] | None, *, open_only: bool = True) -> list[JobRow]:
        query = select(JobRow).where(JobRow.kind == kind)
        if open_only:
            query = query.where(JobRow.state == JobState.QUEUED)
        if subjects is not None:
            query = query.where(JobRow.subject.in_(list(subjects)))
        with self.ledger.database.read() as session:
            return list(session.scalars(query))

    def wait_listed(self, study_uid: str) -> None:
        """Until a study has its place on the worklist."""
        programs.wait_until(lambda: bool(self.ledger.screens.work_items([study_uid])), 20, "a place on the worklist")

    def wait_state(self, study_uid: str, state: str) -> None:
        """Until the study is in this state."""
        programs.wait_until(lambda: self.ledger.screens.glances([study_uid])[study_uid].state == state, 20, state)

    def csrf(self, page: str) -> str:
        """The token in a page's forms, as this client's session has it."""
        return self.client.get(page).text.partition('name="csrf" content="')[2].partition('"')[0]

    def href(self, study_uid: str) -> str:
        """The study's page."""
        return f"/study/{Tokens(web_secret(self.settings.home)).of(study_uid)}"
