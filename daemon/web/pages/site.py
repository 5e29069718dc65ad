"""What all pages share: the context, names of studies in URLs, templates, the form's token against forgery."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from daemon.core.priority import percent
from daemon.web.context import WebContext
from daemon.web.events import Feed
from daemon.web.pages import words
from daemon.web.pages.tokens import Tokens
from daemon.web.signin import Users

HERE = Path(__file__).parent
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store"}  # it names patients


def environment() -> Environment:
    """The templates, compiled; whatever is put into one is escaped, and an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {name: getattr(words, name) for name in ("person", "at", "instant", "lasting")}
    made.filters["percent"] = percent
    for name in made.list_templates():
        made.get_template(name)  # now, so that nobody waits for it
    return made


@dataclass(frozen=True, slots=True)
class Site:
    """Given to every page."""

    context: WebContext
    users: Users
    tokens: Tokens
    feed: Feed
    templates: Environment

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """A page, or a part of one, as this reader sees it."""
        known = {
            "csrf": csrf(request),
            "reader": reader(request),
            "signs_in": self.users.required,
            "now": self.context.clock(),
        }
        return HTMLResponse(self.templates.get_template(template).render(known | values), status, _NO_STORE)

    def study_uid(self, request: Request) -> str:
        """The study that the URL names. Raises HTTPException 404."""
        found = self.tokens.study_uid(request.path_params["token"])
        if found is None:
            raise HTTPException(404)
        return found


def reader(request: Request) -> str:
    """Who reads; "" where nobody signs in."""
    return request.scope.get("user_name") or ""


def csrf(request: Request) -> str:
    """The token that a form of ours sends back; another site cannot know it."""
    token = request.session.get("csrf")
    if not isinstance(token, str):
        token = request.session["csrf"] = secrets.token_urlsafe(24)
    return token


async def fields(request: Request, most: int) -> dict[str, str]:
    """The fields of a form; none of one in parts, which would say itself by which codec its text is to be read."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return {}
    async with request.form(max_fields=most) as given:
        return {name: value for name, value in given.items() if isinstance(value, str)}


async def form(request: Request) -> dict[str, str]:
    """The fields of a form of ours. Raises HTTPException 403 where its token is not this session's."""
    given = await fields(request, 16)
    held = request.session.get("csrf")
    if not isinstance(held, str) or not hmac.compare_digest(held.encode(), given.get("csrf", "").encode()):
        raise HTTPException(403, "this form is of another session: load the page again")
    return given
