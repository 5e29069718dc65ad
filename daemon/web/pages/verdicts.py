"""What a reader says on the study page: accepted or rejected, kept as feedback."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from daemon.store.feedback import Feedback, Opinion
from daemon.web.pages.site import Site, form, reader
from daemon.web.pages.study import answer_of, digest_of, shown


def routes(site: Site) -> list[Route]:
    """POST /study/{token}/feedback: csrf, film (0: the study), lesion (0: the film), answer, verdict."""

    async def give(request: Request) -> Response:
        uid, fields = site.study_uid(request), await form(request)
        await run_in_threadpool(_give, site, uid, fields, reader(request))
        if "x-fragment" in request.headers:
            return Response(status_code=204)
        return RedirectResponse(f"/study/{request.path_params['token']}", 303)

    return [Route("/study/{token}/feedback", give, methods=["POST"])]


def _give(site: Site, uid: str, fields: dict[str, str], who: str) -> None:
    """Raises HTTPException 400 for what is not on the page, 404, 409."""
    ledger = site.context.ledger
    films = ledger.screens.films(uid)
    try:
        film, lesion, verdict = int(fields["film"]), int(fields["lesion"]), Opinion(fields["verdict"])
    except (KeyError, ValueError):
        raise HTTPException(400, "film, lesion and verdict are wanted") from None
    if not 0 <= film <= len(films) or not 0 <= lesion <= (len(shown(films[film - 1])) if film else 0):
        raise HTTPException(400, "there is no such lesion: load the page again")
    sop_uid = films[film - 1].sop_uid if film else ""
    glance = ledger.screens.glances([uid]).get(uid)
    if glance is None:
        raise HTTPException(404)
    if fields.get("answer") != answer_of(glance.revision, films, film):
        raise HTTPException(409, "the study was analysed anew since: load the page again")
    digest = digest_of(films, film)
    given = Feedback(uid, sop_uid, lesion, glance.revision, digest, verdict, who, site.context.clock())
    ledger.feedback.give(given)
