"""STOW-RS (PS3.18 10.5) as user agent: sends result objects to one origin server, one outcome an object.

One study a request, and each object's bytes as archived. What an answer says of a request as a whole (413, 400, 500, a
break) is no news of any one object in it: they are then sent one by one, and the first that breaks again ends the turn.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import groupby

from daemon.core.errors import DestinationUnreachable
from daemon.core.outcome import Answer, Outcome, Outgoing
from daemon.web.client import OriginServer, Reply, RequestBroke, Session, named
from daemon.web.store_response import outcomes_in

_CONFLICT = 409  # its payload says why (PS3.18 table 10.5.3-1)


def store(server: OriginServer, objects: Sequence[Outgoing]) -> Iterator[Outcome]:
    """Send `objects`; outcomes come in the same order, one each.

    When the way breaks, the object under way is BROKEN and the rest get no outcome.
    Raises DestinationUnreachable, before any outcome, where nobody serves us.
    """
    told = False
    with server.session() as session:
        try:
            for _, study in groupby(objects, key=lambda outgoing: str(outgoing.dataset.StudyInstanceUID)):
                for outcome in _store_together(session, list(study)):
                    told = True
                    yield outcome
                    if outcome.answer is Answer.BROKEN:
                        return
        except DestinationUnreachable:
            if not told:
                raise


def _store_together(session: Session, objects: Sequence[Outgoing]) -> Iterator[Outcome]:
    outcomes = _attempt(session, objects)
    if outcomes is None:
        for outgoing in objects:
            yield from _attempt(session, [outgoing]) or ()
        return
    yield from outcomes


def _attempt(session: Session, objects: Sequence[Outgoing]) -> list[Outcome] | None:
    """One request; None where several objects went and the answer is not about each."""
    try:
        reply = _post(session, objects)
    except RequestBroke as error:
        return [Outcome(Answer.BROKEN, None, str(error))] if len(objects) == 1 else None
    named_in = outcomes_in(reply.body, reply.media_type) if reply.good or reply.status == _CONFLICT else None
    if named_in is None:
        return [_of_whole(reply)] if len(objects) == 1 else None
    return [_of(named_in.get(str(outgoing.dataset.SOPInstanceUID)), reply) for outgoing in objects]


def _post(session: Session, objects: Sequence[Outgoing]) -> Reply:
    """The Store transaction's request: multipart/related (PS3.18 8.6.1.2), one part an object."""
    boundary = uuid.uuid4().hex
    parts = [b"--%b\r\nContent-Type: application/dicom\r\n\r\n" % boundary.encode(), b"\r\n"]
    end = b"--%b--\r\n" % boundary.encode()
    size = sum(len(outgoing.content) + len(parts[0]) + len(parts[1]) for outgoing in objects) + len(end)

    def body() -> Iterator[bytes]:
        for outgoing in objects:
            yield from (parts[0], outgoing.content, parts[1])
        yield end

    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Content-Length": str(size),  # some servers take no body of unstated length
    }
    return session.ask("POST", "/studies", headers=headers, content=body())


def _of_whole(reply: Reply) -> Outcome:
    """An answer that names no object, to a request of one."""
    if reply.status >= 500:
        return Outcome(Answer.BROKEN, None, named(reply.status))
    said = f"{named(reply.status)}, without a Store Instances Response that can be read" if reply.good else ""
    return Outcome(Answer.REFUSED, None, said or named(reply.status))


def _of(outcome: Outcome | None, reply: Reply) -> Outcome:
    if outcome is None:
        return Outcome(Answer.REFUSED, None, f"{named(reply.status)}, but the response does not name the object")
    if outcome.accepted and outcome.status == 0 and not reply.good:
        return Outcome(Answer.REFUSED, None, f"{named(reply.status)}, although the response calls the object stored")
    return outcome
