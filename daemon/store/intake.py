"""Ledger transactions of receiving."""

from __future__ import annotations

from daemon.core.records import ReceivedInstance
from daemon.core.states import JobState, StudyEvent, StudyState, advance
from daemon.store.cataloguing import Filed, enter
from daemon.store.database import Database
from daemon.store.inserting import insert_once
from daemon.store.schema import InstanceRow, JobRow, OutputRow, StudyRow

# States in which the current revision has no result objects yet: a further image simply joins it.
_STILL_OPEN = frozenset({StudyState.RECEIVED, StudyState.ANALYSING})
# Of ReceivedInstance, as the ledger keeps them; the rest is the catalogue's.
_INSTANCE_COLUMNS = (
    "sop_uid",
    "study_uid",
    "series_uid",
    "sop_class_uid",
    "transfer_syntax_uid",
    "key",
    "digest",
    "size",
    "calling_ae",
    "eligibility",
    "reason",
)


class Intake:
    """What receiving writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, sop_uid: str) -> tuple[str, str] | None:
        """(Study Instance UID, digest) of an instance that is on record, else None.

        A result of ours counts: a PACS that forwards all that it gets sends our Secondary Captures back.
        """
        with self._database.read() as session:
            row = session.get(InstanceRow, sop_uid) or session.get(OutputRow, sop_uid)
            return None if row is None else (row.study_uid, row.digest)

    def record(self, instance: ReceivedInstance, now: float) -> bool:
        """Record an archived instance, its study and its job, in one durable transaction.

        False: the SOP Instance UID was on record already, and nothing was changed (PS3.4 B.2.3 lets a receiver
        accept a duplicate).
        """
        with self._database.write() as session:
            new_study = {"state": StudyState.RECEIVED, "reason": "", "revision": 1, "last_instance_at": now}
            insert_once(session, StudyRow, {"study_uid": instance.study_uid, "received_at": now, **new_study})
            values = {name: getattr(instance, name) for name in _INSTANCE_COLUMNS}
            if not insert_once(session, InstanceRow, values | {"received_at": now}):
                return False
            study = session.get_one(StudyRow, instance.study_uid, with_for_update=True)
            enter(session, _filed(instance), instance.entry)
            state = StudyState(study.state)
            if state not in _STILL_OPEN:
                study.revision += 1
            study.state = advance(state, StudyEvent.INSTANCE_ARRIVED)
            study.reason = ""
            study.last_instance_at = now
            study.awaits_place = True
            study.completed_at = study.analysed_at = study.settled_at = None
            if instance.eligibility != "SET_ASIDE":
                session.add(
                    JobRow(
                        kind="analyse",
                        study_uid=instance.study_uid,
                        subject=instance.sop_uid,
                        state=JobState.QUEUED,
                        created_at=now,
                    )
                )
        return True


def _filed(instance: ReceivedInstance) -> Filed:
    return Filed(
        instance.study_uid,
        instance.series_uid,
        instance.sop_uid,
        instance.sop_class_uid,
        instance.transfer_syntax_uid,
        instance.key,
        instance.size,
        result=False,
    )
