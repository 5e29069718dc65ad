"""THE use case: one received instance is checked, archived, recorded, and only then acknowledged.

Both DIMSE (C-STORE) and DICOMweb (STOW-RS) end here. When `take` returns, bytes and ledger row are durable; when it
raises, nothing is kept.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from pydicom import Dataset

from daemon.core.catalogue import entry_of
from daemon.core.eligibility import judge
from daemon.core.errors import ArchiveFull, IdentityMismatch, StoreUnavailable, UnreadableDataSet
from daemon.core.header import read_header
from daemon.core.records import ReceivedInstance
from daemon.core.uids import is_uid
from daemon.store.archive import Archive, digest_of, key_for
from daemon.store.ledger import Ledger

log = structlog.get_logger()

PRIOR = "a prior, kept for comparison"


@dataclass(frozen=True, slots=True)
class Received:
    """An instance as it came: a Part 10 file in the incoming folder, and what the sender announced."""

    path: Path
    sop_class_uid: str
    sop_uid: str
    transfer_syntax_uid: str
    calling_ae: str
    study_uid: str = ""  # where the sender named one


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of it: `new` is False for an instance that was here already."""

    study_uid: str
    series_uid: str
    sop_uid: str
    new: bool


class Ingest:
    """Takes instances into one archive and ledger."""

    def __init__(
        self, archive: Archive, ledger: Ledger, incoming: Path, reserve_bytes: int, clock: Callable[[], float]
    ) -> None:
        incoming.mkdir(parents=True, exist_ok=True)
        self._archive, self._ledger, self._incoming = archive, ledger, incoming
        self._reserve_bytes, self._clock = reserve_bytes, clock

    def take(self, received: Received) -> Taken:
        """Keep `received`, or raise an IngestError (the sender's or the archive's fault) or StoreUnavailable."""
        self.check_reserve()
        with received.path.open("rb") as file:
            header = read_header(file)
        instance = self._describe(header, received)
        if self._ledger.pulls.is_kept_aside(instance.study_uid, instance.calling_ae):
            instance = replace(instance, eligibility="SET_ASIDE", reason=PRIOR)
        if self._ledger.intake.known(instance.sop_uid) is not None:
            return self._duplicate(instance)
        try:
            self._archive.adopt(received.path, instance.key)
        except OSError as error:
            raise StoreUnavailable(f"archive: {type(error).__name__}") from error
        if not self._ledger.intake.record(instance, self._clock()):
            return self._duplicate(instance)
        log.info(
            "instance.stored",
            study=instance.study_uid,
            instance=instance.sop_uid,
            calling_ae=instance.calling_ae,
            eligibility=instance.eligibility,
            reason=instance.reason,
            bytes=instance.size,
        )
        return Taken(instance.study_uid, instance.series_uid, instance.sop_uid, new=True)

    def check_reserve(self) -> None:
        """Raises ArchiveFull where nothing can be taken for want of space."""
        free = self._archive.free_bytes()
        free_here = shutil.disk_usage(self._incoming).free
        if min(free if free is not None else free_here, free_here) < self._reserve_bytes:
            raise ArchiveFull("free space is below archive.reserve_mb")

    @staticmethod
    def _describe(header: Dataset, received: Received) -> ReceivedInstance:
        uids = [str(header[name].value) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
        if not all(map(is_uid, uids)):
            raise UnreadableDataSet("a Study, Series or SOP Instance UID is malformed (PS3.5 9.1)")
        study_uid, series_uid, sop_uid = uids
        if sop_uid != received.sop_uid or str(header.SOPClassUID) != received.sop_class_uid:
            raise IdentityMismatch("SOP Class or Instance UID of the data set differs from the command's")
        if received.study_uid and study_uid != received.study_uid:
            raise IdentityMismatch("the instance belongs to another study than the one that was named")
        digest = digest_of(received.path)
        verdict = judge(header)
        return ReceivedInstance(
            study_uid=study_uid,
            series_uid=series_uid,
            sop_uid=sop_uid,
            sop_class_uid=received.sop_class_uid,
            transfer_syntax_uid=received.transfer_syntax_uid,
            key=key_for(study_uid, sop_uid, digest),
            digest=digest,
            size=received.path.stat().st_size,
            calling_ae=received.calling_ae,
            eligibility=verdict.kind,
            reason=verdict.reason,
            entry=entry_of(header),
        )

    def _duplicate(self, instance: ReceivedInstance) -> Taken:
        """The same UID again is accepted and stored once (PS3.4 B.2.3); the first to be recorded stays.

        Not so under another Study Instance UID: that would be acknowledged, and the other study never seen.
        """
        kept = self._ledger.intake.known(instance.sop_uid)
        same = kept == (instance.study_uid, instance.digest)
        if not same:
            self._archive.delete(instance.key)
        log.info("instance.duplicate", instance=instance.sop_uid, same_bytes=same)
        if kept is not None and kept[0] != instance.study_uid:
            raise IdentityMismatch("the SOP Instance UID belongs to an instance of another study")
        return Taken(instance.study_uid, instance.series_uid, instance.sop_uid, new=False)
