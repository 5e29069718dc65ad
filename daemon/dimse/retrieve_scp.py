"""C-MOVE and C-GET of the Query/Retrieve service as SCP: PS3.4 C.4.2 and C.4.3.

pynetdicom's own handlers cannot be used: they parse and encode every data set anew, name themselves as Move Originator,
and wait without a limit for a destination. So such a request is taken before they see it (`attach`). Read against
pynetdicom 3.0: association._serve_request, service_class.QueryRetrieveServiceClass.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_GET, C_MOVE
from pynetdicom.presentation import PresentationContext

from daemon.core.catalogue import CatalogueInstance
from daemon.core.errors import DestinationUnreachable, StoreUnavailable
from daemon.core.log import where
from daemon.core.outcome import Answer
from daemon.core.query import Query
from daemon.dimse.connection import gone
from daemon.dimse.guard import end
from daemon.dimse.identifier import (
    LEVELS,
    UNABLE_TO_PROCESS,
    Refused,
    Wanted,
    parsed,
    wanted,
)
from daemon.dimse.retrieve_responses import (
    CANNOT_COUNT,
    CANNOT_PERFORM,
    DESTINATION_UNKNOWN,
    PENDING,
    Message,
    Responses,
)
from daemon.dimse.scu import application_entity, associate
from daemon.dimse.suboperations import SubOperations, Tally, Transcode, contexts_for
from daemon.sections import Destination, Modality
from daemon.store.archive import Archive
from daemon.store.ledger import Ledger

log = structlog.get_logger()

MOST_AT_ONCE = 8  # retrievals; more wait
WAIT_S = 30.0  # for one of them to end
MOST_INSTANCES = 65_535  # the counters are US
_PAGE = 500


class RetrieveScp:
    """Serves retrievals of what the catalogue holds."""

    def __init__(
        self,
        ledger: Ledger,
        archive: Archive,
        modalities: Sequence[Modality],
        ae_title: str,
        transcode: Transcode,
        folder: Path,
        limit_s: float,
    ) -> None:
        self._ledger, self._archive, self._transcode, self._folder = ledger, archive, transcode, folder
        self._destinations: Mapping[str, Modality] = {modality.ae_title: modality for modality in modalities}
        self._ae_title, self._limit_s = ae_title, limit_s
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)

    def attach(self, assoc: Association) -> None:
        """Serve the retrievals that come on this association."""
        setattr(assoc, "_serve_request", partial(self._serve, assoc, assoc._serve_request))  # noqa: B010

    def _serve(self, assoc: Association, serve: Callable[[Any, int], None], message: Message, context_id: int) -> None:
        context = assoc._accepted_cx.get(context_id)
        if context is None or not _is_retrieval(message, context):
            serve(message, context_id)
            return
        assoc.dimse.cancel_req = {}
        assoc._is_paused = True  # what send_c_store waits for
        try:
            self._answer(assoc, message, context)
        finally:
            assoc._is_paused = False
            assoc.dimse.cancel_req = {}

    def _answer(self, assoc: Association, message: Message, context: PresentationContext) -> None:
        """Everything from the request to its final response; an error of ours ends it with a status."""
        responses = Responses(assoc, message, context)
        try:
            self._perform(assoc, message, context, responses)
        except Refused as error:
            log.warning("retrieve.refused", status=f"{error.status:04X}", why=str(error))
            responses.send(error.status, comment=str(error))
        except StoreUnavailable as error:
            log.error("retrieve.refused", status=f"{CANNOT_COUNT:04X}", why=str(error))
            responses.send(CANNOT_COUNT, comment="try again later")
        except Exception as error:  # noqa: BLE001  an association must survive any one request
            log.error("retrieve.error", kind=type(error).__name__, at=where(error))
            responses.send(UNABLE_TO_PROCESS, comment="processing failure")

    def _perform(
        self, assoc: Association, message: Message, context: PresentationContext, responses: Responses
    ) -> None:
        moving = isinstance(message, C_MOVE)
        destination = self._destinations.get(str(message.MoveDestination).strip()) if moving else None
        if moving and destination is None:
            raise Refused(DESTINATION_UNKNOWN, "no [[modality]] has the AE title of the Move Destination")
        identifier = parsed(message.Identifier, str(context.transfer_syntax[0]))
        instances = self._found(wanted(identifier, str(context.abstract_syntax)))
        if len(instances) > MOST_INSTANCES:
            raise Refused(CANNOT_COUNT, f"more than {MOST_INSTANCES} instances")
        tally = Tally(len(instances))
        calling_ae = str(assoc.requestor.ae_title).strip()
        if instances:
            if not self._places.acquire(timeout=WAIT_S):
                raise Refused(CANNOT_PERFORM, f"{MOST_AT_ONCE} retrievals are under way")
            try:
                if destination is None:
                    self._send(assoc, assoc, instances, tally, responses, None)
                else:
                    self._move(assoc, destination, instances, tally, responses, (calling_ae, int(message.MessageID)))
            finally:
                self._places.release()
        kind = "C-MOVE" if moving else "C-GET"
        log.info("retrieve.done", kind=kind, calling_ae=calling_ae, completed=tally.completed, failed=tally.failed)
        responses.finish(tally)

    def _found(self, asked: Wanted) -> list[CatalogueInstance]:
        studies = self._studies_of(asked)
        instances = self._ledger.catalogue.instances
        if asked.level == "IMAGE":
            series_uid = asked.above["SeriesInstanceUID"]
            return [item for study in studies for uid in asked.uids for item in instances(study, series_uid, uid)]
        if asked.level == "SERIES":
            return [item for study in studies for uid in asked.uids for item in instances(study, uid)]
        return [item for study in studies for item in instances(study)]

    def _studies_of(self, asked: Wanted) -> Sequence[str]:
        """The studies in which to look: in Patient Root, of this patient."""
        if asked.level == "PATIENT":
            return self._studies({"PatientID": asked.uids[0]})
        studies = asked.uids if asked.level == "STUDY" else (asked.above["StudyInstanceUID"],)
        patient_id = asked.above.get("PatientID")
        if patient_id is None:
            return studies
        return [uid for uid in studies if self._studies({"StudyInstanceUID": uid, "PatientID": patient_id})]

    def _studies(self, matches: Mapping[str, str]) -> list[str]:
        studies: list[str] = []
        while True:
            page = self._ledger.catalogue.search(Query("STUDY", matches, limit=_PAGE, offset=len(studies)))
            studies += [str(row["StudyInstanceUID"]) for row in page]
            if len(page) < _PAGE:
                return studies

    def _move(
        self,
        asking: Association,
        destination: Modality,
        instances: Sequence[CatalogueInstance],
        tally: Tally,
        responses: Responses,
        originator: tuple[str, int],
    ) -> None:
        there = Destination(
            name=destination.ae_title,
            ae_title=destination.ae_title,
            host=destination.host,
            port=destination.port,
            timeout_s=self._limit_s,
        )
        ae = application_entity(there, self._ae_title)
        for sop_class, syntax in contexts_for(instances):
            ae.add_requested_context(sop_class, syntax)
        try:
            assoc = associate(ae, there)
        except DestinationUnreachable as error:
            log.warning("retrieve.unreachable", destination=destination.ae_title, why=str(error))
            _fail_all(instances, tally)
            return
        in_order = False
        try:
            in_order = self._send(asking, assoc, instances, tally, responses, originator)
        finally:
            end(assoc, in_order=in_order)

    def _send(
        self,
        asking: Association,
        assoc: Association,
        instances: Sequence[CatalogueInstance],
        tally: Tally,
        responses: Responses,
        originator: tuple[str, int] | None,
    ) -> bool:
        """All of `instances`, until the requestor cancels or is gone; whether `assoc` can be released."""
        with self._operations(assoc) as operations:
            for number, instance in enumerate(instances):
                if gone(asking) or responses.cancelled:
                    return operations.in_order
                answer = operations.send(instance, originator)
                if answer is Answer.BROKEN:
                    _fail_all(instances[number:], tally)
                    return False
                tally.count(instance.sop_uid, answer)
                if tally.remaining:
                    responses.send(PENDING, tally)
            return operations.in_order

    @contextmanager
    def _operations(self, assoc: Association) -> Iterator[SubOperations]:
        operations = SubOperations(assoc, self._archive, self._transcode, self._folder, self._limit_s)
        try:
            yield operations
        finally:
            operations.close()


def _is_retrieval(message: Message, context: PresentationContext) -> bool:
    if not (isinstance(message, C_GET | C_MOVE) and message.is_valid_request):
        return False
    return message.AffectedSOPClassUID == context.abstract_syntax and str(context.abstract_syntax) in LEVELS


def _fail_all(instances: Sequence[CatalogueInstance], tally: Tally) -> None:
    for instance in instances:
        tally.count(instance.sop_uid, Answer.BROKEN)
