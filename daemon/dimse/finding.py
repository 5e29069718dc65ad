"""C-FIND-RQ: one handler a SOP class (PS3.4 C.4.1, CC.2.8).

scp.py binds `Finding.on_c_find`; whoever serves a query information model registers its handler when composed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import structlog
from pydicom import Dataset
from pynetdicom.events import Event

from daemon.core.log import where
from daemon.dimse.identifier import UNABLE_TO_PROCESS
from daemon.dimse.status import failure

log = structlog.get_logger()

# Takes a C-FIND-RQ, gives its responses as pynetdicom wants them: (status, identifier or None), pending ones first.
# The final 0000 is sent by pynetdicom when it ends.
Found = tuple[int | Dataset, Dataset | None]
Handler = Callable[[Event], Iterator[Found]]

SOP_CLASS_NOT_SUPPORTED = 0x0122


class Finding:
    """Handlers by SOP Class UID of the query information model."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self.handlers = dict(handlers)

    def on_c_find(self, event: Event) -> Iterator[Found]:
        """The responses; an error of ours ends them with C000 and never the association."""
        handler = self.handlers.get(str(event.context.abstract_syntax))
        if handler is None:
            yield failure(SOP_CLASS_NOT_SUPPORTED, "no such query information model"), None
            return
        try:
            yield from handler(event)
        except Exception as error:  # noqa: BLE001  an association must survive any one query
            log.error("find.error", kind=type(error).__name__, at=where(error))
            yield failure(UNABLE_TO_PROCESS, "processing failure"), None
