"""How a status of the worklist is said over HTTP: PS3.18 tables 11.4.3-1 to 11.12.3-1, and their Warning fields."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from daemon.core import ups
from daemon.core.errors import UpsRefused

SERVICE = "thoraxd"

# One row a failure, for every transaction. C300 is 400, because 11.6.2 says so of an update.
HTTP_STATUS: Mapping[int, int] = {
    ups.INVALID_VALUE: 400,
    ups.PROCESSING_FAILURE: 500,
    ups.DUPLICATE: 409,
    ups.INVALID_ARGUMENT: 400,
    ups.INVALID_INSTANCE: 400,
    ups.MISSING_ATTRIBUTE: 400,
    ups.MISSING_VALUE: 400,
    ups.RESOURCE_LIMITATION: 413,
    ups.NO_LONGER_UPDATED: 400,
    ups.WRONG_TRANSACTION: 400,
    ups.ALREADY_IN_PROGRESS: 409,
    ups.SCHEDULED_BY_CREATE_ONLY: 400,
    ups.FINAL_STATE_UNMET: 409,
    ups.NO_SUCH_UPS: 404,
    ups.UNKNOWN_RECEIVER: 400,
    ups.NOT_CREATED_SCHEDULED: 400,
    ups.NOT_IN_PROGRESS: 409,
    ups.IS_COMPLETED: 409,
    ups.PERFORMER_OUT_OF_REACH: 409,
    ups.NOT_FOR_THIS_INSTANCE: 400,
}
_CONFLICT = "The submitted request is inconsistent with the state of the UPS Instance."
_CONFLICT_OF_UPDATE = "The submitted request is inconsistent with the current state of the Workitem."
_NOT_CLAIMED = "The target URI did not reference a claimed Workitem."
_CONFLICTS = frozenset(
    {
        ups.NO_LONGER_UPDATED,
        ups.ALREADY_IN_PROGRESS,
        ups.SCHEDULED_BY_CREATE_ONLY,
        ups.FINAL_STATE_UNMET,
        ups.NOT_IN_PROGRESS,
    }
)
_NOT_CANCELED: Mapping[int, str] = {
    ups.IS_COMPLETED: "The UPS is already COMPLETED.",
    ups.PERFORMER_OUT_OF_REACH: "The performer cannot be contacted.",
}


def done(status: int, code: int, headers: Mapping[str, str] | None = None) -> Response:
    """A request that did not fail; a warning goes into the header."""
    return Response(status_code=status, headers=dict(headers or {}) | _warning(ups.MEANINGS.get(code, "")))


def refused(error: UpsRefused, *, transaction_uid: str = "", update: bool = False) -> Response:
    """A request that failed. transaction_uid: what it brought; update: whether it was to change attributes."""
    content = {"error": str(error), "code": f"{error.code:04X}"}
    return JSONResponse(content, HTTP_STATUS[error.code], _warning(_conflict(error.code, transaction_uid, update)))


def _conflict(code: int, transaction_uid: str, update: bool) -> str:
    """In the words of 11.6.3.2 (update), 11.7.3.2 (change of state) and 11.8.3.2 (request to cancel)."""
    if update and code in (ups.WRONG_TRANSACTION, ups.NOT_IN_PROGRESS):
        return _NOT_CLAIMED
    if code == ups.WRONG_TRANSACTION:
        return f"The Transaction UID is {'incorrect' if transaction_uid else 'missing'}."
    if code in _CONFLICTS:
        return _CONFLICT_OF_UPDATE if update else _CONFLICT
    return _NOT_CANCELED.get(code, "")


def _warning(text: str) -> dict[str, str]:
    return {"Warning": f"299 {SERVICE}: {text}"} if text else {}
