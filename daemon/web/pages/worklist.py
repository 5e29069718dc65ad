"""`/`: the reading worklist, and the search in it. A search is sent in a body, since it may name a patient."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daemon.core.errors import MalformedQuery
from daemon.core.query import Query
from daemon.store.ledger import Ledger
from daemon.store.reading import ReadingRow
from daemon.store.schema_worklist import WorkItemRow
from daemon.store.screens import Glance
from daemon.web.pages import words
from daemon.web.pages.site import Site, fields

PAGE = 50
LONGEST_SEARCH = 64
# Lists by their name in the URL: (title, Procedure Step State of PS3.4 CC.1.1)
LISTS: Mapping[str, tuple[str, str]] = {
    "to-read": ("To read", "SCHEDULED"),
    "in-progress": ("In progress", "IN PROGRESS"),
    "read": ("Read", "COMPLETED"),
}
_NO_IMAGES = frozenset({"SR", "PR", "KO"})  # modalities of what is made from images (PS3.3 C.7.3.1.1.1)
_PATIENT = frozenset(
    {
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyDescription",
        "StudyDate", "StudyTime", "ModalitiesInStudy", "StudyInstanceUID",
    }
)  # fmt: skip


WorkItem = ReadingRow | WorkItemRow


@dataclass(frozen=True, slots=True)
class Patient:
    """Who and what for, as the catalogue has it."""

    name: str
    id: str
    age: str
    sex: str
    accession: str
    description: str
    taken: str
    modalities: str


@dataclass(frozen=True, slots=True)
class Row:
    """One study in the list. place: 1 is read first; None where the order is not the worklist's."""

    token: str
    place: int | None
    item: WorkItem | None
    glance: Glance | None
    patient: Patient
    state: tuple[str, str]  # in a word, and what it means


def routes(site: Site) -> list[Route]:
    """GET / and POST / (a search); with X-Fragment, only the rows."""

    async def worklist(request: Request) -> Response:
        name = request.query_params.get("list", "to-read")
        name = name if name in LISTS else "to-read"
        start = request.query_params.get("start", "0")
        offset = min(int(start), 10**7) if start.isascii() and start.isdigit() and len(start) < 9 else 0
        sought = ""
        if request.method == "POST":
            sought = (await fields(request, 4)).get("q", "").strip()[:LONGEST_SEARCH]
        values = await run_in_threadpool(_listed, site, name, request.query_params.get("after", ""), offset, sought)
        template = "rows.html" if "x-fragment" in request.headers else "worklist.html"
        return site.page(request, template, **values)

    return [Route("/", worklist, methods=["GET", "POST"])]


def _listed(site: Site, name: str, after: str, offset: int, sought: str) -> dict[str, Any]:
    """What the template shows."""
    ledger, more = site.context.ledger, None
    if sought:
        uids = search(ledger, sought)
        by_uid: Mapping[str, WorkItem] = ledger.screens.work_items(uids)
        rows = _rows(site, [(uid, by_uid.get(uid)) for uid in uids], None)
    else:
        if name == "read":
            page = ledger.reading.finished(PAGE + 1, _place(site, after))
        else:
            page = ledger.reading.page((LISTS[name][1],), PAGE + 1, _place(site, after))
        if len(page) > PAGE:
            last = page[PAGE - 1]
            when = last.updated_at if name == "read" else last.due_at
            more = {"after": f"{when!r}~{site.tokens.of(last.ups_uid)}", "start": offset + PAGE}
        rows = _rows(site, [(item.study_uid, item) for item in page[:PAGE]], offset + 1 if name == "to-read" else None)
    return {"rows": rows, "more": more, "list": name, "lists": LISTS, "sought": sought, "offset": offset}


def _place(site: Site, after: str) -> tuple[float, str] | None:
    """Behind which line the page begins; None where the URL does not say one of ours: at the beginning."""
    when, _, token = after.partition("~")
    ups_uid = site.tokens.study_uid(token)
    try:
        return (float(when), ups_uid) if ups_uid else None
    except ValueError:
        return None


def _rows(site: Site, items: Sequence[tuple[str, WorkItem | None]], first: int | None) -> list[Row]:
    uids = [uid for uid, _ in items]
    glances = site.context.ledger.screens.glances(uids)
    who = patients(site.context.ledger, uids)
    return [
        Row(
            token=site.tokens.of(uid),
            place=None if first is None else first + number,
            item=item,
            glance=glances.get(uid),
            patient=who.get(uid, _NOBODY),
            state=words.STATES.get(glances[uid].state, ("", "")) if uid in glances else ("not here", ""),
        )
        for number, (uid, item) in enumerate(items)
    ]


def search(ledger: Ledger, sought: str) -> list[str]:
    """Studies by words of a patient's name, or how Patient ID or Accession Number begins; the newest first."""
    literal = re.sub(r"[*?\\]", "", sought)
    begun = f"{literal}*" if len(literal) >= 3 else literal
    asked = [("PatientID", begun), ("AccessionNumber", begun)]
    if not any(letter.isdigit() for letter in literal):  # no name has one, and a search by words reads all names
        asked.append(("PatientName", literal))
    found: dict[str, tuple[str, str]] = {}
    for keyword, text in asked:
        wanted = frozenset({"StudyInstanceUID", "StudyDate", "StudyTime"})
        query = Query("STUDY", {keyword: text}, wanted, fuzzy=keyword == "PatientName", limit=PAGE)
        try:
            studies = ledger.catalogue.search(query) if text else []
        except MalformedQuery:
            continue
        found |= {str(one["StudyInstanceUID"]): (str(one["StudyDate"]), str(one["StudyTime"])) for one in studies}
    return sorted(found, key=lambda uid: found[uid], reverse=True)[:PAGE]


_NOBODY = Patient("not in the catalogue", "", "", "", "", "", "", "")


def patients(ledger: Ledger, study_uids: Sequence[str]) -> dict[str, Patient]:
    """Who these studies are of."""
    if not study_uids:
        return {}
    query = Query("STUDY", {"StudyInstanceUID": "\\".join(study_uids)}, _PATIENT)
    return {str(found["StudyInstanceUID"]): _patient(found) for found in ledger.catalogue.search(query)}


def _patient(found: Mapping[str, Any]) -> Patient:
    def text(keyword: str) -> str:
        return str(found.get(keyword, ""))

    modalities = found.get("ModalitiesInStudy", "")
    modalities = modalities if isinstance(modalities, list) else [str(modalities)]
    return Patient(
        name=words.person(text("PatientName")),
        id=text("PatientID"),
        age=words.age(text("PatientBirthDate"), text("StudyDate")),
        sex=words.SEXES.get(text("PatientSex"), ""),
        accession=text("AccessionNumber"),
        description=text("StudyDescription"),
        taken=words.moment(text("StudyDate"), text("StudyTime")),
        modalities=" ".join(one for one in modalities if one not in _NO_IMAGES),
    )
