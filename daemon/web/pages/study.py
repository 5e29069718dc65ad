"""`/study/…`: one study's films with what the detector saw on them, and what became of the results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.core.priority import percent
from daemon.core.states import StudyState
from daemon.store.feedback import Feedback
from daemon.store.screens import Film
from daemon.web.pages import words
from daemon.web.pages.site import Site, reader
from daemon.web.pages.worklist import patients


def routes(site: Site) -> list[Route]:
    """GET /study/{token}; with X-Fragment, only what changes while the films are looked at."""

    async def study(request: Request) -> Response:
        uid = site.study_uid(request)
        values = await run_in_threadpool(_shown, site, uid, reader(request))
        if values is None:
            raise HTTPException(404)
        template = "study_panel.html" if "x-fragment" in request.headers else "study.html"
        return site.page(request, template, **values)

    return [Route("/study/{token}", study)]


def _shown(site: Site, uid: str, who: str) -> dict[str, Any] | None:
    ledger, token = site.context.ledger, site.tokens.of(uid)
    reports = ledger.views.studies([uid])
    if not reports:
        return None
    study, films, given = reports[0], ledger.screens.films(uid), ledger.feedback.of_study(uid)
    if study["state"] == StudyState.REJECTED:  # nobody is shown what somebody took back
        study = study | {"probability": None}
        films = [replace(film, findings=None, heat=None, reason=film.reason or study["reason"]) for film in films]
    listed = [_film(film, number, token, given, who) for number, film in enumerate(films, start=1)]
    model = next((film.model for film in films if film.model), {})
    return {
        "token": token,
        "study": study,
        "state": words.STATES.get(study["state"], (study["state"], "")),
        "patient": patients(ledger, [uid]).get(uid),
        "item": ledger.screens.work_items([uid]).get(uid),
        "films": listed,
        "drawn": json.dumps([film["drawn"] for film in listed]),
        "model": model,
        "operating_point": next((film["operating_point"] for film in listed if film["operating_point"]), None),
        "objects": ledger.views.object_deliveries(uid),
        "revisions": _revisions(study["outputs"]),
        "given": _given(given, "", 0, who),
        "answers": [answer_of(study["revision"], films, number) for number in range(len(films) + 1)],
        "ohif": site.context.settings.web.ohif_url.replace("{study_uid}", uid),
    }


def _film(film: Film, number: int, token: str, given: Sequence[Feedback], who: str) -> dict[str, Any]:
    """One film for the template; "drawn" is what static/study.js draws, in source pixels (PS3.3 C.18.6, SCOORD)."""
    lesions = [
        {
            "number": place,
            "label": lesion["label"],
            "probability": lesion["probability"],
            "words": f"{lesion['label']} {percent(lesion['probability'])}",
            "box": lesion["box"],
            "given": _given(given, film.sop_uid, place, who),
        }
        for place, lesion in enumerate(shown(film), start=1)
    ]
    base = f"/study/{token}/films/{number}"
    probability = film.findings["probability"] if film.findings else None
    unanswered = "no answer yet" if not film.reason else "withdrawn" if film.model else "not analysed"
    return {
        "number": number,
        "sop_uid": film.sop_uid,
        "state": film.state,
        "reason": film.reason,
        "probability": probability,
        "operating_point": film.findings["operating_point"] if film.findings else None,
        "lesions": lesions,
        "drawn": {
            "number": number,
            "title": f"Film {number} · {unanswered if probability is None else percent(probability)}",
            "analysed": probability is not None,
            "pixels": f"{base}/pixels",
            "heat": f"{base}/heat" if film.heat else None,
            "lesions": [{key: lesion[key] for key in ("number", "words", "box")} for lesion in lesions],
        },
    }


def digest_of(films: Sequence[Film], number: int) -> str:
    """Of the weights that gave the answer of a film, counted from 1; 0: of the study."""
    judged = films[number - 1 : number] if number else films
    return next((film.model["digest"] for film in judged if film.model), "")


def answer_of(revision: int, films: Sequence[Film], number: int) -> str:
    """What a verdict is on: another text once the study was analysed anew, and lesions have other numbers."""
    return f"{revision}-{digest_of(films, number)[:12]}"


def shown(film: Film) -> list[dict[str, Any]]:
    """The lesions that a reader is shown, the most probable first, as the results number them."""
    lesions = film.findings["lesions"] if film.findings else ()
    return sorted((lesion for lesion in lesions if lesion["shown"]), key=lambda lesion: -lesion["probability"])


def _given(given: Sequence[Feedback], sop_uid: str, lesion: int, who: str) -> dict[str, Any]:
    """This reader's verdict on one thing, and what others said."""
    here = [item for item in given if (item.sop_uid, item.lesion) == (sop_uid, lesion)]
    return {
        "mine": next((item.verdict for item in here if item.reader == who), ""),
        "others": [item for item in here if item.reader != who],
    }


def _revisions(outputs: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Result objects by revision, the newest first."""
    found: dict[int, list[dict[str, Any]]] = {}
    for kind, made in outputs.items():
        for one in made:
            found.setdefault(one["revision"], []).append(one | {"kind": kind})
    return [{"number": number, "objects": found[number]} for number in sorted(found, reverse=True)]
