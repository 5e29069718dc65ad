"""One association on which both sides ask: DIMSE-N requests of ours beside those that the peer sends.

pynetdicom's own send_n_… stop its reactor until the answer comes, so the peer's release, or its next request, waits
as long; and a notification that comes in meanwhile is served by a thread that moves the flag by which they tell
whether the reactor stands still, so that a release can wait for ever. Here the reactor runs on: answers are taken from
the event of their arrival, messages go out whole, and a notification is over before we release. Read against
pynetdicom 3.0: association.release, association._serve_request, dimse.receive_primitive, dimse.send_msg.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, cast

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import N_ACTION, N_EVENT_REPORT
from pynetdicom.events import Event
from pynetdicom.service_class_n import StorageCommitmentServiceClass

from daemon.dimse.guard import end

_LOOK_S = 0.05  # how soon a wait notices that the association is gone


class Exchange:
    """Wraps one association, from before its first message of ours until its end."""

    def __init__(self, assoc: Association) -> None:
        self.assoc = assoc
        self._numbers = count(1)
        self._answers: dict[int, int] = {}
        self._unanswered = False
        self._heard = threading.Condition()
        self._sending = threading.Lock()  # the fragments of two messages must not mix (PS3.8 E.1)
        self._serving = threading.Lock()
        assoc.bind(evt.EVT_DIMSE_RECV, self._on_message)
        setattr(assoc.dimse, "send_msg", partial(self._send, assoc.dimse.send_msg))  # noqa: B010
        setattr(assoc, "_serve_request", partial(self._serve, assoc._serve_request))  # noqa: B010

    def ask(self, request: N_ACTION | N_EVENT_REPORT, context_id: int, patience_s: float) -> int | None:
        """Send `request`; its response's status. None: the association ended, or `patience_s` passed, before one."""
        request.MessageID = number = next(self._numbers)
        self.assoc.dimse.send_msg(request, context_id)
        self.wait(lambda: number in self._answers, patience_s)
        self._unanswered = number not in self._answers
        return self._answers.pop(number, None)

    def wait(self, until: Callable[[], bool], patience_s: float) -> None:
        """Until `until()`, the end of the association, or `patience_s`; it is asked after each message that comes."""
        deadline = time.monotonic() + patience_s
        with self._heard:
            while not until() and self.assoc.is_established and time.monotonic() < deadline:
                self._heard.wait(_LOOK_S)

    def release(self) -> None:
        """End the association, after the answer to a notification that is being served just now.

        A peer that left a request unanswered is not waited for again.
        """
        with self._serving:
            end(self.assoc, in_order=not self._unanswered)

    def _on_message(self, event: Event) -> None:
        command: Any = event.message.command_set
        if "MessageIDBeingRespondedTo" in command and "Status" in command:
            with self._heard:
                self._answers[int(command.MessageIDBeingRespondedTo)] = int(command.Status)
                self._heard.notify_all()

    def _send(self, send: Callable[[Any, int], None], primitive: Any, context_id: int) -> None:
        with self._sending:
            send(primitive, context_id)

    def _serve(self, serve: Callable[[Any, int], None], message: Any, context_id: int) -> None:
        """The peer's request. A notification comes in a thread of its own, and must leave the reactor's flag alone."""
        context = self.assoc._accepted_cx.get(context_id)
        if not isinstance(message, N_EVENT_REPORT) or not message.is_valid_request or context is None:
            serve(message, context_id)
            return
        with self._serving:
            if self.assoc.is_established:  # else we have released, and an answer would break the protocol
                StorageCommitmentServiceClass(self.assoc).SCP(cast(Any, message), context)
        with self._heard:
            self._heard.notify_all()
