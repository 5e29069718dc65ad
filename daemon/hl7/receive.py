"""One received message: read, recorded, then acknowledged. THE use case of the order server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from daemon.core.errors import StoreUnavailable
from daemon.core.hl7 import MalformedMessage, Message, decoded, parse
from daemon.core.log import where
from daemon.hl7.orders import order_message
from daemon.hl7.refusal import (
    DATA_TYPE_ERROR,
    INTERNAL_ERROR,
    SEGMENT_SEQUENCE_ERROR,
    TABLE_VALUE_NOT_FOUND,
    UNSUPPORTED_TYPE,
    Refused,
    acknowledgement,
)
from daemon.sections import Hl7Settings
from daemon.store.ledger import Ledger

log = structlog.get_logger()

_BATCH = ("FHS", "BHS")  # 2.10.3: a file or batch of messages


class Receive:
    """Takes messages from allowed senders; AA only after the orders are durable."""

    def __init__(self, settings: Hl7Settings, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._allowed = settings.allowed_senders
        self._ledger, self._clock = ledger, clock

    def __call__(self, content: bytes) -> bytes:
        """The acknowledgement of a message, both without their frames. Never raises."""
        request: Message | None = None
        refused: Refused | None = None
        try:
            request = _read(content)
            self._record(request, content)
        except Refused as error:
            request, refused = request or _as_far_as_read(content), error
        except StoreUnavailable as error:
            log.error("store.unavailable", loop="hl7", why=str(error))
            refused = Refused(INTERNAL_ERROR)
        except Exception as error:  # noqa: BLE001  a sender must have its answer; the text may hold patient data
            log.error("order.error", kind=type(error).__name__, at=where(error))
            refused = Refused(INTERNAL_ERROR)
        if refused:
            log.warning("order.refused", code=refused.code, why=str(refused))
        return acknowledgement(request, refused, datetime.fromtimestamp(self._clock()).astimezone())

    def _record(self, request: Message, content: bytes) -> None:
        if self._allowed and request.header.text(3) not in self._allowed:
            raise Refused(TABLE_VALUE_NOT_FOUND, "MSH", 3)
        message = order_message(request, content)
        studies = self._ledger.orders.record(message, self._clock())
        if studies is None:
            log.info("order.repeated")
        else:
            log.info("order.received", orders=len(message.orders), studies=studies)


def _read(content: bytes) -> Message:
    """Raises Refused."""
    if content[:3].decode("latin-1") in _BATCH:
        raise Refused(UNSUPPORTED_TYPE, content[:3].decode("latin-1"))
    try:
        return parse(decoded(content))
    except LookupError:
        raise Refused(TABLE_VALUE_NOT_FOUND, "MSH", 18) from None
    except UnicodeDecodeError:
        raise Refused(DATA_TYPE_ERROR, "MSH", 18) from None
    except MalformedMessage:
        raise Refused(SEGMENT_SEQUENCE_ERROR, "MSH") from None


def _as_far_as_read(content: bytes) -> Message | None:
    """A message whose text cannot be decoded has a header all the same, which the answer needs."""
    try:
        return parse(content.decode("latin-1"))
    except MalformedMessage:
        return None
