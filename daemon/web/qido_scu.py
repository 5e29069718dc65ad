"""QIDO-RS (PS3.18 10.6) as user agent: does an origin server show what it was sent?"""

from __future__ import annotations

import json

from daemon.core.errors import DestinationUnreachable
from daemon.web.client import OriginServer, Reply, RequestBroke, Session, named

_SOP_INSTANCE_UID = "00080018"
_NOT_FOUND = 404  # of a series that is not there, from some servers; the standard wants an empty result


def finds(session: Session, study_uid: str, series_uid: str, sop_uid: str) -> bool:
    """Whether a search shows this instance. Raises DestinationUnreachable, RequestBroke where there is no answer."""
    reply = session.ask(
        "GET",
        f"/studies/{study_uid}/series/{series_uid}/instances",
        query={"SOPInstanceUID": sop_uid},
        answers=[_NOT_FOUND],
    )
    return any(found.get(_SOP_INSTANCE_UID, {}).get("Value") == [sop_uid] for found in results(reply))


def search_works(server: OriginServer) -> None:
    """One search, for any one study. Raises DestinationUnreachable, RequestBroke."""
    with server.session() as session:
        results(session.ask("GET", "/studies", query={"limit": "1"}))


def results(reply: Reply) -> list[dict[str, dict[str, object]]]:
    """The data sets of a search's result (PS3.18 10.6.3); none for 204 and 404.

    Raises DestinationUnreachable, RequestBroke.
    """
    if reply.status in (204, _NOT_FOUND):
        return []
    if not reply.good:
        raise DestinationUnreachable(named(reply.status))
    try:
        results = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        raise RequestBroke(f"{named(reply.status)}, but not DICOM JSON") from error
    if not (isinstance(results, list) and all(_is_dataset(item) for item in results)):
        raise RequestBroke(f"{named(reply.status)}, but not DICOM JSON")
    return results


def _is_dataset(item: object) -> bool:
    return isinstance(item, dict) and all(isinstance(element, dict) for element in item.values())
