"""Query/Retrieve as SCU: finds studies in a PACS and has them come by C-GET or C-MOVE (PS3.4 C.4).

Study Root, hierarchical. By C-GET instances come on our own association, streamed to the same use case as those that
are sent to us; by C-MOVE the PACS sends them to our SCP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby

from pydicom import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association

from daemon.core.errors import DestinationRefused, DestinationUnreachable
from daemon.core.pulls import FoundInstance, FoundStudy, Search
from daemon.core.statuses import meaning
from daemon.dimse.contexts import (
    STORAGE_SCP,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    TRANSFER_SYNTAXES_SCP,
    TRANSFER_SYNTAXES_SCU,
    VERIFICATION,
    Named,
)
from daemon.dimse.guard import end, limit
from daemon.dimse.reception import Reception
from daemon.dimse.scu import application_entity, associate
from daemon.sections import Source

SUCCESS, SOME_FAILED = 0x0000, 0xB000
PENDING = (0xFF00, 0xFF01)
MOST_FOUND = 10_000  # matches of one query
NO_STUDY = "2.25.0"  # well-formed, and nobody's
STUDY_LIMIT_S = 3600.0  # for one retrieval, however it drips


class DimseSource:
    """One PACS. Raises DestinationUnreachable where nobody serves us, DestinationRefused where it answers a failure."""

    def __init__(self, source: Source, scp_ae: str, reception: Reception | None = None) -> None:
        self._source, self._there = source, source.endpoint
        self._scp_ae, self._reception = scp_ae, reception

    def check(self) -> str:
        """What can be tried without a study: C-ECHO, the models, and a C-FIND, which many refuse to strangers."""
        ae = self._ae(STUDY_ROOT_FIND, self._retrieve_model)
        ae.add_requested_context(VERIFICATION.uid)
        assoc = associate(ae, self._there)
        try:
            accepted = {context.abstract_syntax for context in assoc.accepted_contexts}
            for model in (STUDY_ROOT_FIND, self._retrieve_model):
                if model.uid not in accepted:
                    raise DestinationRefused(f"{model.name} is not accepted")
            with limit(assoc):
                if VERIFICATION.uid in accepted and assoc.send_c_echo().get("Status") != SUCCESS:
                    raise DestinationRefused("C-ECHO was not answered with 0000")
        finally:
            end(assoc)
        self.studies(Search(study_uid=NO_STUDY))
        return f"{self._source.ae_title} answers C-FIND and accepts C-{self._source.retrieve.upper()}"

    def studies(self, search: Search) -> list[FoundStudy]:
        """The studies that match."""
        returned = ("StudyTime", "StudyDescription", "NumberOfStudyRelatedInstances")
        with self._association(self._ae(STUDY_ROOT_FIND)) as assoc:
            found = list(_find(assoc, "STUDY", search.keys, returned))
        return [FoundStudy.read(partial(_text, ds)) for ds in found]

    def instances(self, study_uid: str) -> list[FoundInstance]:
        """All instances of a study, series by series."""
        listed = []
        with self._association(self._ae(STUDY_ROOT_FIND)) as assoc:
            above = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": ""}
            for series in list(_find(assoc, "SERIES", above, ("Modality", "BodyPartExamined"))):
                keys = above | {"SeriesInstanceUID": _text(series, "SeriesInstanceUID"), "SOPInstanceUID": ""}
                about = _text(series, "Modality"), _text(series, "BodyPartExamined")
                for image in _find(assoc, "IMAGE", keys, ("SOPClassUID",)):
                    uids = _text(image, "SOPInstanceUID"), _text(image, "SOPClassUID")
                    listed.append(FoundInstance(keys["SeriesInstanceUID"], *uids, *about))
        return [item for item in listed if item.sop_uid]

    def fetch(self, study_uid: str, missing: Sequence[FoundInstance], whole_series: frozenset[str]) -> str:
        """Have `missing` come; "" or why not all will. whole_series: those of which nothing is here or unwanted."""
        ae = self._ae(self._retrieve_model)
        if self._source.retrieve == "move":
            with self._association(ae) as assoc:
                return self._retrieve(assoc, study_uid, missing, whole_series)
        for sop_class in STORAGE_SCP:
            for syntax in TRANSFER_SYNTAXES_SCP:
                ae.add_requested_context(sop_class.uid, syntax.uid)
        with self._association(ae, storing=True) as assoc:
            return self._retrieve(assoc, study_uid, missing, whole_series)

    def _retrieve(
        self, assoc: Association, study_uid: str, missing: Sequence[FoundInstance], whole_series: frozenset[str]
    ) -> str:
        complaints = []
        with limit(assoc, STUDY_LIMIT_S):
            for series_uid, items in groupby(missing, key=lambda item: item.series_uid):
                keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid}
                if series_uid in whole_series:
                    complaints.append(self._ask(assoc, "SERIES", keys))
                else:
                    complaints += [self._ask(assoc, "IMAGE", keys | {"SOPInstanceUID": item.sop_uid}) for item in items]
        return "; ".join(dict.fromkeys(filter(None, complaints)))

    def _ask(self, assoc: Association, level: str, keys: Mapping[str, str]) -> str:
        identifier, model = _identifier(level, keys), self._retrieve_model.uid
        try:
            if self._source.retrieve == "move":
                responses = assoc.send_c_move(identifier, self._scp_ae, model)
            else:
                responses = assoc.send_c_get(identifier, model)
            last = [status for status, _ in responses][-1]
        except RuntimeError as error:  # it was aborted just now
            raise DestinationUnreachable("the association broke") from error
        except ValueError as error:  # no context for it, but others: a PACS that stores, and does not retrieve
            raise DestinationRefused(f"{self._retrieve_model.name} is not accepted") from error
        if "Status" not in last:
            raise DestinationUnreachable("the association broke or timed out before an answer")
        if last.Status == SUCCESS:
            return ""
        if last.Status == SOME_FAILED:
            return f"B000: {last.get('NumberOfFailedSuboperations', 0)} sub-operations failed"
        return f"C-{self._source.retrieve.upper()} was answered with {meaning(int(last.Status))}"

    @property
    def _retrieve_model(self) -> Named:
        return STUDY_ROOT_GET if self._source.retrieve == "get" else STUDY_ROOT_MOVE

    def _ae(self, *models: Named) -> AE:
        ae = application_entity(self._there, self._scp_ae)
        for model in models:
            for syntax in TRANSFER_SYNTAXES_SCU:
                ae.add_requested_context(model.uid, syntax.uid)
        return ae

    @contextmanager
    def _association(self, ae: AE, *, storing: bool = False) -> Iterator[Association]:
        roles = [build_role(sop_class.uid, scp_role=True) for sop_class in STORAGE_SCP] if storing else []
        assoc = associate(ae, self._there, roles)
        try:
            if storing:
                assert self._reception is not None  # who fetches has one
                sender = [self._source.sender]
                assoc.bind(evt.EVT_C_STORE, self._reception.on_retrieved, sender)
            yield assoc
        finally:
            end(assoc)
            if storing and self._reception is not None:
                self._reception.closed(assoc)


def _find(assoc: Association, level: str, keys: Mapping[str, str], returned: Sequence[str]) -> Iterator[Dataset]:
    """C-FIND; every match. Raises DestinationUnreachable, DestinationRefused."""
    identifier = _identifier(level, {**keys, **dict.fromkeys(returned, "")})
    try:
        for number, (status, match) in enumerate(assoc.send_c_find(identifier, STUDY_ROOT_FIND.uid)):
            if "Status" not in status:
                raise DestinationUnreachable("no answer to C-FIND (does the PACS know our AE title?)")
            if status.Status == SUCCESS:
                return
            if status.Status not in PENDING:
                raise DestinationRefused(f"C-FIND was answered with {meaning(int(status.Status))}")
            if number >= MOST_FOUND:
                assoc.abort()
                raise DestinationRefused(f"C-FIND has more than {MOST_FOUND} matches: ask for less")
            if match is not None:
                yield match
    except (RuntimeError, ValueError) as error:  # aborted just now; the model was not accepted
        raise DestinationUnreachable("C-FIND cannot be sent on the association") from error


def _identifier(level: str, keys: Mapping[str, str]) -> Dataset:
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for keyword, text in keys.items():
        setattr(ds, keyword, text)
    if not "".join(keys.values()).isascii():
        ds.SpecificCharacterSet = "ISO_IR 192"
    return ds


def _text(ds: Dataset, keyword: str) -> str:
    try:
        value = ds.get(keyword)
    except Exception:  # noqa: BLE001  a value that is none of its VR is as good as none
        return ""
    several = isinstance(value, list | tuple) or type(value).__name__ == "MultiValue"
    return "\\".join(map(str, value)) if several else "" if value is None else str(value).strip()
