"""One study: every answered image becomes the result objects that the destinations want."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from datetime import datetime

import numpy as np
import structlog
from numpy.typing import NDArray

from daemon.core.catalogue import entry_of
from daemon.core.contract import LEASE_S, MAX_ATTEMPTS
from daemon.core.errors import StoreUnavailable
from daemon.core.header import read_header
from daemon.core.hl7 import ORU
from daemon.core.log import where
from daemon.core.records import AnsweredImage, Job, NewOutput, ReportInputs
from daemon.core.states import JobState
from daemon.settings import Settings
from daemon.store.archive import key_for
from worker.answers import Answer
from worker.context import Context
from worker.encode import MESSAGE_WRITERS, encode
from worker.encode.request import CannotEncode, Encoded, EncodedMessage, Reference, ReportRequest, SourceImage
from worker.lease import held
from worker.pixels import PixelsUnreadable, film

log = structlog.get_logger()

Variant = tuple[str, str, bool]  # kind, profile, marking
# Documents, which name the one they replace (PS3.3 C.17.2, Predecessor Documents Sequence), or say that they correct
# one (an ORU, OBR-25); a KOS cannot.
SUPERSEDING = ("sr", "chest-cad-sr", "text-sr", ORU)


def variants(settings: Settings) -> list[Variant]:
    """What must be encoded for these destinations; without any, an AIR SR and a GSPS for the archive."""
    wanted: dict[Variant, None] = {}
    for destination in settings.destination:
        for kind in destination.outputs:
            wanted[kind, destination.profile if kind == "sr" else "", destination.marking] = None
    return list(wanted) or [("sr", "air", True), ("gsps", "", True)]


def report(job_id: int, context: Context) -> None:
    """Do the job if it is to be had. Raises StoreUnavailable: the lease then lapses and the job is sent again."""
    jobs = context.ledger.jobs
    job = jobs.claim(job_id, context.owner, time.time(), LEASE_S, MAX_ATTEMPTS)
    if job is None:
        return
    with held(jobs, job, context.owner):
        inputs = jobs.report_inputs(job)
        if inputs is None:
            jobs.fail_report(job, context.owner, "an image came since", time.time())
            return
        try:
            outputs = [archived(context, job, item) for item in _encoded(context, inputs)]
        except CannotEncode as error:
            jobs.fail_report(job, context.owner, f"results could not be encoded: {error}", time.time())
            return
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  a worker must survive any one study; the text may hold patient data
            log.error("study.error", study=job.study_uid, kind=type(error).__name__, at=where(error))
            reason = f"results could not be encoded: unexpected {type(error).__name__} at {where(error)}"
            jobs.fail_report(job, context.owner, reason, time.time())
            return
        delivered = bool(context.settings.destination)
        jobs.finish_report(job, context.owner, outputs, time.time(), delivered=delivered)
    log.info("study.reported", study=job.study_uid, revision=inputs.revision, objects=len(outputs))


def _encoded(context: Context, inputs: ReportInputs) -> Iterable[Encoded | EncodedMessage]:
    answers = {image.sop_uid: Answer.from_json(image.answer) for image in inputs.images if image.state == JobState.DONE}
    images = tuple(_source(context, image, answers.get(image.sop_uid)) for image in inputs.images)
    identity = next(iter(answers.values())).identity if answers else context.detector.identity
    for kind, profile, marking in variants(context.settings):
        before = inputs.predecessors.get((kind, profile, marking))
        request = ReportRequest(
            images=images,
            identity=identity,
            analysed_at=local(inputs.analysed_at),
            revision=inputs.revision,
            predecessors=(Reference(before.sop_class_uid, before.sop_uid, before.series_uid, before.study_uid),)
            if before and kind in SUPERSEDING
            else (),
            station=context.settings.scp.ae_title,
            generation=inputs.generation,
            set_aside=inputs.set_aside,
        )
        if kind in MESSAGE_WRITERS:
            yield MESSAGE_WRITERS[kind](request, marking)
        else:
            yield from encode(request, kind, profile or "air", marking)


def _source(context: Context, image: AnsweredImage, answer: Answer | None) -> SourceImage:
    return SourceImage(
        header=read_header(context.archive.read(image.key)),
        digest=image.digest,
        findings=answer.findings if answer else None,
        not_analysed="" if answer else image.reason,
        analysed_at=local(image.finished_at),
        modality_range=answer.modality_range if answer else None,
        picture=lambda: _picture(context, image.key),
    )


def _picture(context: Context, key: str) -> NDArray[np.float32] | None:
    """The film's pixels, decoded anew: only forms that draw want them."""
    with context.archive.local(key) as path:
        try:
            return film(path).image
        except PixelsUnreadable:
            return None


def local(seconds: float) -> datetime:
    """The instant in the host's time zone: what a time without Timezone Offset From UTC is taken to be in (C.12.1)."""
    return datetime.fromtimestamp(seconds).astimezone()


def archived(context: Context, job: Job, encoded: Encoded | EncodedMessage) -> NewOutput:
    """The object's file in the archive, as the ledger is to record it. Raises StoreUnavailable."""
    content = encoded.to_bytes()
    digest = hashlib.sha256(content).hexdigest()
    ds = encoded.dataset if isinstance(encoded, Encoded) else None
    key = key_for(job.study_uid, encoded.sop_uid, digest, "hl7" if ds is None else "dcm")
    context.archive.write(key, content)
    return NewOutput(
        sop_uid=encoded.sop_uid,
        series_uid=encoded.series_uid,
        sop_class_uid=encoded.sop_class_uid,
        kind=encoded.kind,
        profile=encoded.profile,
        marking=encoded.marking,
        source_sop_uid=encoded.source_sop_uid,
        key=key,
        digest=digest,
        transfer_syntax_uid="" if ds is None else str(ds.file_meta.TransferSyntaxUID),
        size=len(content),
        entry=None if ds is None else entry_of(ds),
    )
