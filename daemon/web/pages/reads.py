"""Mark as read: the page claims a study's reading work item and completes it, as any performer does (PS3.4 CC.2.1)."""

from __future__ import annotations

from pydicom import Dataset
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from daemon.core.date_times import date_time
from daemon.core.errors import UpsRefused
from daemon.core.ups_changes import code
from daemon.web.pages.site import Site, form, reader

_STATION = ("THORAXD-PAGE", "99THORAXD", "thoraxd page")
_INTERPRETATION = ("110005", "DCM", "Interpretation")  # CID 9231


def routes(site: Site) -> list[Route]:
    """POST /study/{token}/read: csrf."""

    async def read(request: Request) -> Response:
        uid = site.study_uid(request)
        await form(request)
        await run_in_threadpool(_read, site, uid, reader(request))
        if "x-fragment" in request.headers:
            return Response(status_code=204)
        return RedirectResponse(f"/study/{request.path_params['token']}", 303)

    return [Route("/study/{token}/read", read, methods=["POST"])]


def _read(site: Site, study_uid: str, who: str) -> None:
    """Raises HTTPException 404 where the study is not on the worklist, 409 where somebody else has it."""
    item = site.context.ledger.screens.work_items([study_uid]).get(study_uid)
    if item is None:
        raise HTTPException(404)
    try:
        site.context.worklist.perform(item.ups_uid, _performed(site.context.clock(), who))
    except UpsRefused as error:
        raise HTTPException(409, "another system has claimed this reading, or it is read already") from error


def _performed(now: float, who: str) -> Dataset:
    """What CC.2.5.1.1 wants of a completed step. When reading began is not known here: it ends as it begins."""
    done, ds = Dataset(), Dataset()
    done.PerformedStationNameCodeSequence = [code(*_STATION)]
    done.PerformedWorkitemCodeSequence = [code(*_INTERPRETATION)]
    done.PerformedProcedureStepStartDateTime = done.PerformedProcedureStepEndDateTime = date_time(now)
    done.OutputInformationSequence = []
    if who:
        human = Dataset()
        human.HumanPerformerName = who
        done.ActualHumanPerformersSequence = [human]
    ds.UnifiedProcedureStepPerformedProcedureSequence = [done]
    return ds
