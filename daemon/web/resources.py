"""What a DICOMweb URL names (PS3.18 10.4.1.1), and what answers about it say of caching (RFC 9111, 9110 8.8.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from daemon.core.catalogue import CatalogueInstance
from daemon.core.uids import is_uid
from daemon.store.catalogue import Catalogue
from daemon.web.media_types import Accepted


def accepted(request: Request) -> Accepted:
    """What the client accepts; several Accept fields are one list (RFC 9110 5.3)."""
    return Accepted.parse(",".join(request.headers.getlist("accept")), request.query_params.getlist("accept"))


async def found(request: Request, catalogue: Catalogue) -> list[CatalogueInstance]:
    """The instances of the study, series or instance in the URL, at least one.

    Raises HTTPException: 400 for what is no UID, 404 for what is not here or was withdrawn (PS3.18 table 10.4.3-1).
    """
    uids = [request.path_params.get(name) for name in ("study", "series", "instance")]
    if not all(uid is None or is_uid(uid) for uid in uids):
        raise HTTPException(400, "a UID in the URL is malformed (PS3.5 9.1)")
    study_uid, series_uid, sop_uid = uids
    instances = await run_in_threadpool(catalogue.instances, str(study_uid), series_uid, sop_uid)
    if not instances:
        raise HTTPException(404, "no such instance is here")
    return instances


def validators(instances: Sequence[CatalogueInstance], *variant: str) -> dict[str, str]:
    """Header fields: an archive key names its content, so the keys and how they are represented name the answer's."""
    digest = hashlib.sha256("\0".join([*(each.key for each in instances), *variant]).encode("utf-8", "replace"))
    # Weak: the boundary between parts is another one each time. Kept by the user's own browser alone, and asked about.
    return {"ETag": f'W/"{digest.hexdigest()[:32]}"', "Cache-Control": "private, no-cache", "Vary": "Accept"}


def without_body(request: Request, headers: dict[str, str]) -> Response | None:
    """304 where the client has this answer already; to HEAD, the header alone: nothing is read or converted for it."""
    known: Iterable[str] = request.headers.get("if-none-match", "").split(",")
    if headers["ETag"] in (tag.strip() for tag in known):
        return Response(status_code=304, headers=headers)
    return Response(headers=headers) if request.method == "HEAD" else None
