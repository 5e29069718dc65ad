"""QIDO-RS and WADO-RS (PS3.18 10.4, 10.6) as user agent: finds studies in an origin server and fetches their instances.

One instance a request, streamed part by part to the same use case as what is stored here by STOW-RS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from daemon.core.errors import DestinationRefused
from daemon.core.pulls import FoundInstance, FoundStudy, Search
from daemon.core.statuses import meaning
from daemon.core.uids import is_uid
from daemon.ingest import Ingest
from daemon.presence import Presence
from daemon.sections import Source
from daemon.web.client import OriginServer, Session, named
from daemon.web.media_types import DICOM, media_type
from daemon.web.qido_scu import results, search_works
from daemon.web.stow_parts import MalformedBody, Parts
from daemon.web.stow_receiving import Limits, Receiving, TooLarge

PAGE = 100
MOST_FOUND = 10_000  # matches of one search
LARGEST = 2_000_000_000  # bytes of one instance
# As stored, where the server can say so (PS3.18 8.7.3.5.2); servers that cannot send Explicit VR Little Endian.
_ACCEPT = f'multipart/related; type="{DICOM}"; transfer-syntax=*'

# Attributes in DICOM JSON (PS3.18 F).
_TAGS: Mapping[str, str] = {
    "StudyInstanceUID": "0020000D",
    "SeriesInstanceUID": "0020000E",
    "SOPInstanceUID": "00080018",
    "SOPClassUID": "00080016",
    "Modality": "00080060",
    "BodyPartExamined": "00180015",
    "PatientID": "00100020",
    "StudyDate": "00080020",
    "StudyTime": "00080030",
    "StudyDescription": "00081030",
    "ModalitiesInStudy": "00080061",
    "NumberOfStudyRelatedInstances": "00201208",
}

Found = Mapping[str, Mapping[str, object]]


class WebSource:
    """One origin server. Raises DestinationUnreachable where nobody serves us, RequestBroke."""

    def __init__(
        self, source: Source, ingest: Ingest | None = None, presence: Presence | None = None, incoming: Path = Path()
    ) -> None:
        self._source, self._server = source, OriginServer(source.endpoint)
        self._ingest, self._presence, self._incoming = ingest, presence, incoming

    def check(self) -> str:
        """One search."""
        search_works(self._server)
        return f"{self._server.url} answers a QIDO-RS search"

    def studies(self, search: Search) -> list[FoundStudy]:
        """The studies that match."""
        wanted = "StudyDescription,NumberOfStudyRelatedInstances,ModalitiesInStudy"
        query = {keyword: text for keyword, text in search.keys.items() if text} | {"includefield": wanted}
        with self._server.session() as session:
            return [FoundStudy.read(partial(_text, found)) for found in _search(session, "/studies", query)]

    def instances(self, study_uid: str) -> list[FoundInstance]:
        """All instances of a study, series by series."""
        listed = []
        with self._server.session() as session:
            path = f"/studies/{study_uid}/series"
            for series in _search(session, path, {"includefield": "BodyPartExamined"}):
                series_uid = _text(series, "SeriesInstanceUID")
                about = _text(series, "Modality"), _text(series, "BodyPartExamined")
                if is_uid(series_uid):
                    for image in _search(session, f"{path}/{series_uid}/instances", {}):
                        uids = _text(image, "SOPInstanceUID"), _text(image, "SOPClassUID")
                        listed.append(FoundInstance(series_uid, *uids, *about))
        return [item for item in listed if is_uid(item.sop_uid)]

    def fetch(self, study_uid: str, missing: Sequence[FoundInstance], _whole_series: frozenset[str]) -> str:
        """Have `missing` come; "" or why not all will."""
        assert self._presence is not None  # who fetches has one
        complaints = []
        bringing = object()
        try:
            with self._server.session() as session:
                for item in missing:
                    complaints.append(
                        self._fetch(session, study_uid, item, partial(self._presence.touched, id(bringing)))
                    )
        finally:
            self._presence.closed(id(bringing))
        return "; ".join(dict.fromkeys(filter(None, complaints)))

    def _fetch(self, session: Session, study_uid: str, item: FoundInstance, touched: partial[None]) -> str:
        assert self._ingest is not None
        receiving: Receiving | None = None
        path = f"/studies/{study_uid}/series/{item.series_uid}/instances/{item.sop_uid}"
        try:
            with session.streamed(path, {"Accept": _ACCEPT}) as (status, content_type, chunks):
                if status != 200:
                    return named(status)
                receiving = Receiving(
                    _parts(content_type), study_uid, self._ingest, self._incoming, Limits(LARGEST, LARGEST), touched,
                    self._source.sender,
                )  # fmt: skip
                for chunk in chunks:
                    receiving.feed(chunk)
            receiving.end()
        except (MalformedBody, TooLarge) as error:
            return str(error)
        finally:
            if receiving is not None:
                receiving.discard()
        return meaning(receiving.failed[0].reason) if receiving.failed else ""


def _parts(content_type: str) -> Parts | None:
    """How to read the body; None: it is one instance by itself. Raises MalformedBody."""
    said = media_type(content_type)
    if said is not None and said.type == DICOM:
        return None
    if said is None or not said.multipart:
        raise MalformedBody("the answer is no application/dicom")
    return Parts(said.parameters.get("boundary", ""))


def _search(session: Session, path: str, query: Mapping[str, str]) -> Iterator[Found]:
    """All matches, page by page (PS3.18 8.3.4.4); a server that pays no heed to the offset sends no page twice."""
    before: list[Found] = []
    for offset in range(0, MOST_FOUND, PAGE):
        page = results(
            session.ask("GET", path, query={**query, "limit": str(PAGE), "offset": str(offset)}, answers=[404])
        )
        if page == before:
            return
        yield from page
        if len(page) != PAGE:
            return
        before = list(page)
    raise DestinationRefused(f"a search has more than {MOST_FOUND} matches: ask for less")


def _text(found: Found, keyword: str) -> str:
    values = found.get(_TAGS[keyword], {}).get("Value")
    return "\\".join(str(value).strip() for value in values if value is not None) if isinstance(values, list) else ""
