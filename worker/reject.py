"""One rejected study: the notes that tell every destination to hide our results of it (IHE RAD, IOCM; HL7 v2)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import structlog
from pydicom import Dataset

from daemon.core.contract import LEASE_S, MAX_ATTEMPTS
from daemon.core.errors import NotArchived, StoreUnavailable, UnreadableDataSet
from daemon.core.header import read_header
from daemon.core.log import where
from daemon.core.records import Job, RejectionInputs
from daemon.settings import wanted_of
from worker.context import Context
from worker.encode import CannotEncode, Encoded, EncodedMessage, Reference
from worker.encode.oru_withdrawal import Withdrawn, withdrawal_message
from worker.encode.rejection import RejectionRequest, rejection_note
from worker.lease import held
from worker.report import archived, local

log = structlog.get_logger()


def reject(job_id: int, context: Context) -> None:
    """Do the job if it is to be had. Raises StoreUnavailable: the lease then lapses and the job is sent again."""
    jobs, rejections = context.ledger.jobs, context.ledger.rejections
    job = jobs.claim(job_id, context.owner, time.time(), LEASE_S, MAX_ATTEMPTS)
    if job is None:
        return
    with held(jobs, job, context.owner):
        try:
            notes = [archived(context, job, note) for note in _notes(job, context)]
        except CannotEncode as error:
            rejections.fail(job, context.owner, str(error), time.time())
            return
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  a worker must survive any one study; the text may hold patient data
            log.error("study.error", study=job.study_uid, kind=type(error).__name__, at=where(error))
            rejections.fail(job, context.owner, f"unexpected {type(error).__name__} at {where(error)}", time.time())
            return
        rejections.finish(job, context.owner, notes, wanted_of(context.settings), time.time())
    log.info("study.rejected", study=job.study_uid)


def _notes(job: Job, context: Context) -> Iterator[Encoded | EncodedMessage]:
    """A rejection note for DICOM destinations, and for others a message; of each what has results to withdraw."""
    inputs = context.ledger.rejections.inputs(job)
    at = local(inputs.rejected_at)
    for message in inputs.messages:
        try:
            withdrawn = Withdrawn(context.archive.read(message.key).getvalue(), message.uid, message.marking)
        except NotArchived:
            log.error("message.lost", study=job.study_uid, instance=message.uid)
            continue
        yield withdrawal_message(withdrawn, inputs.reason, inputs.comment, inputs.generation, at)
    if inputs.withdrawn or not inputs.messages:
        yield _note(inputs, context)


def _note(inputs: RejectionInputs, context: Context) -> Encoded:
    request = RejectionRequest(
        header=_header(context, inputs.header_keys),
        withdrawn=tuple(
            Reference(out.sop_class_uid, out.sop_uid, out.series_uid, out.study_uid) for out in inputs.withdrawn
        ),
        reason=inputs.reason,
        comment=inputs.comment,
        rejected_at=local(inputs.rejected_at),
        generation=inputs.generation,
        identity=context.detector.identity,
        station=context.settings.scp.ae_title,
    )
    # Not held to "no location": the comment is a person's, who may say what was wrong and where.
    return Encoded("rejection", "", True, "", rejection_note(request))


def _header(context: Context, keys: Sequence[str]) -> Dataset:
    """The first header that can be read: the archive may have lost an image, and results bear the same patient."""
    for key in keys:
        try:
            return read_header(context.archive.read(key))
        except (NotArchived, UnreadableDataSet):
            continue
    raise CannotEncode("the archive has lost the study's images and results")
