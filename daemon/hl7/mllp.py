"""The MLLP client: sends messages over one connection, one at a time, each until it is acknowledged.

Original mode (HL7 2.5.1 2.9.2): MSH-15 and 16 are empty, and one answer with MSA-1 AA, AE or AR is awaited; a receiver
that answers by the enhanced mode's CA, CE or CR is understood. A message that may have arrived, but is not known to
have, is sent again with the same MSH-10, by which the receiver knows it.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from daemon.core.errors import DestinationUnreachable, SettingsError
from daemon.core.hl7 import CHARSETS, MalformedMessage, parse
from daemon.core.outcome import Answer, Outcome, Outgoing
from daemon.hl7.answers import acknowledged
from daemon.hl7.framing import Frames, NoFrame, framed
from daemon.sections import Destination

MAX_ANSWER = 65_536  # bytes
CONNECT_S = 10.0
_CHUNK = 8192


class _Broke(Exception):  # noqa: N818  named by what it is
    """The connection is of no use any more. between: it ended before anything of an answer came."""

    def __init__(self, reason: str, *, between: bool = False) -> None:
        super().__init__(reason)
        self.between = between


class Receiver:
    """Whom to send to, and how. Raises SettingsError where a file for TLS is of no use."""

    def __init__(self, destination: Destination, sending_ae: str) -> None:
        self.destination = destination
        self.sending_application = destination.sending_application or sending_ae
        self.tls = _tls(destination) if destination.tls else None


def send(receiver: Receiver, objects: Sequence[Outgoing]) -> Iterator[Outcome]:
    """Send `objects` over one connection; outcomes come in the same order, one each.

    Where the connection breaks, the message under way is BROKEN and the rest get no outcome.
    Raises DestinationUnreachable, before any outcome, when there is no connection.
    """
    with _Connection(receiver) as connection:
        for number, outgoing in enumerate(objects):
            try:
                message, control_id = addressed(outgoing.content, receiver)
            except UnicodeEncodeError:
                lack = f"it has characters that {receiver.destination.charset} has not"
                yield Outcome(Answer.REFUSED, None, lack)
                continue
            try:
                outcome = connection.ask(message, control_id)
            except _Broke as error:
                if error.between and number:
                    return  # many receivers hang up after each message; that is no news of this one
                yield Outcome(Answer.BROKEN, None, str(error))
                return
            yield outcome


def reachable(receiver: Receiver) -> None:
    """Connect and hang up: HL7 has no request that does nothing. Raises DestinationUnreachable."""
    with _Connection(receiver):
        pass


def addressed(content: bytes, receiver: Receiver) -> tuple[bytes, str]:
    """(the message as this destination gets it, its MSH-10): MSH-3 to 6 and 18 filled in.

    Raises UnicodeEncodeError where the destination's character set lacks a character.
    """
    destination, text = receiver.destination, content.decode()
    control_id = parse(text).header.text(10)
    first, rest = text.split("\r", 1)
    fields = first.split("|")  # fields[n] is MSH-(n + 1)
    fields[2:6] = (
        receiver.sending_application,
        destination.sending_facility,
        destination.receiving_application,
        destination.receiving_facility,
    )
    fields[17] = destination.charset
    return f"{'|'.join(fields)}\r{rest}".encode(CHARSETS[destination.charset]), control_id


class _Connection:
    """One connection to a receiver; every wait ends after the destination's timeout_s."""

    def __init__(self, receiver: Receiver) -> None:
        destination = receiver.destination
        self._timeout_s = destination.timeout_s
        self._frames = Frames(MAX_ANSWER)
        self._answered: set[str] = set()
        where = f"{destination.host}:{destination.port}"
        try:
            patience_s = min(CONNECT_S, destination.timeout_s)
            self._socket = socket.create_connection((destination.host, destination.port or 0), patience_s)
        except OSError as error:
            raise DestinationUnreachable(f"{where}: {_told(error)}") from error
        if receiver.tls is None:
            return
        try:
            self._socket = receiver.tls.wrap_socket(self._socket, server_hostname=destination.host)
        except OSError as error:  # ssl.SSLError is one
            self._socket.close()
            raise DestinationUnreachable(f"{where}: TLS: {_told(error)}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._socket.close()

    def ask(self, message: bytes, control_id: str) -> Outcome:
        """Send a message; what is said of it. Raises _Broke."""
        until = time.monotonic() + self._timeout_s
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(framed(message))
            while True:
                about, outcome = acknowledged(self._next(until))
                if about == control_id:
                    self._answered.add(control_id)
                    return outcome
                if about not in self._answered:  # else a second answer, as in the enhanced mode
                    raise _Broke("another message was acknowledged")
        except (NoFrame, MalformedMessage) as error:
            raise _Broke(f"an answer that is no acknowledgement: {error}") from error
        except TimeoutError as error:
            raise _Broke(f"no acknowledgement within {self._timeout_s:g} s") from error
        except OSError as error:
            raise _Broke(f"the connection broke: {_told(error)}", between=not self._frames.begun) from error

    def _next(self, until: float) -> bytes:
        """The next frame. Raises _Broke, NoFrame, OSError."""
        while (message := self._frames.take()) is None:
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            self._socket.settimeout(left_s)
            content = self._socket.recv(_CHUNK)
            if not content:
                raise _Broke("the connection ended without an acknowledgement", between=not self._frames.begun)
            self._frames.add(content)
        return message


def _tls(destination: Destination) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=destination.ca_file)
        if destination.certificate is not None:
            context.load_cert_chain(destination.certificate, destination.private_key)
    except OSError as error:  # ssl.SSLError is one
        mistake = f"destination {destination.name}: ca_file, certificate or private_key cannot be used"
        raise SettingsError([mistake]) from error
    return context


def _told(error: OSError) -> str:
    return (error.strerror or type(error).__name__).split("(_ssl.c")[0].strip()
