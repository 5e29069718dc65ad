"""HTTP to one DICOMweb origin server (PS3.18 section 8): one request, one reply of bounded size.

No redirect is followed and no proxy or .netrc of the environment is used: the settings alone say where patients' data
and credentials go. Messages name HTTP statuses and errors of the network, never what a server wrote.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from daemon.core.errors import DeliveryError, DestinationUnreachable, SettingsError
from daemon.sections import Destination
from daemon.web.deadline import Deadline

JSON = "application/dicom+json"
MAX_REPLY = 4_000_000  # bytes; of 32 objects, or of one instance's attributes
LONGEST_RETRY_AFTER_S = 3600.0
NOT_FOUND = 404

# Not about what was sent, but about who sends it and where to: all of it has to wait until a person or time helps.
_NOT_SERVED = frozenset({401, 403, 404, 405, 407, 421, 429, 502, 503, 504})


class RequestBroke(DeliveryError):  # noqa: N818
    """No whole answer: the connection broke or fell silent, or the answer has no end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer. media_type: without parameters, in lower case."""

    status: int
    media_type: str
    body: bytes

    @property
    def good(self) -> bool:
        """Whether its status is one of success."""
        return 200 <= self.status < 300


class OriginServer:
    """Where and how to ask. Raises SettingsError when ca_file holds no certificates."""

    def __init__(self, destination: Destination) -> None:
        self.url = destination.url.rstrip("/")
        self.timeout_s = destination.timeout_s
        self._tls = _tls(destination)
        self._headers = {"Accept": JSON, "Accept-Encoding": "identity", "User-Agent": "thoraxd"}
        self._auth: httpx.Auth | None = None
        token, password = destination.token.get_secret_value(), destination.password.get_secret_value()
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        elif destination.username:
            self._auth = httpx.BasicAuth(destination.username, password)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Connections that are kept from one request to the next, and closed when the block ends."""
        with httpx.Client(
            headers=self._headers,
            auth=self._auth,
            verify=self._tls,
            timeout=httpx.Timeout(self.timeout_s, connect=min(self.timeout_s, 10.0)),
            follow_redirects=False,
            trust_env=False,
        ) as client:
            yield Session(client, self.url, self.timeout_s)


class Session:
    """Requests to one origin server."""

    def __init__(self, client: httpx.Client, url: str, limit_s: float) -> None:
        self._client, self._url, self._limit_s = client, url, limit_s
        self._deadline = Deadline(limit_s)

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Iterator[bytes] | None = None,
        answers: Collection[int] = (),
    ) -> Reply:
        """One request, in a limited time whatever the server does with it.

        answers: statuses that answer it although they would mean, elsewhere, that nobody serves us.
        Raises DestinationUnreachable where the server does not serve us, RequestBroke.
        """
        with self._request(method, path, query, headers, content) as response:
            if response.status_code not in answers:
                _served(response)
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return Reply(response.status_code, media_type, self._body(response))

    @contextmanager
    def streamed(self, path: str, headers: Mapping[str, str]) -> Iterator[tuple[int, str, Iterator[bytes]]]:
        """GET: the status, the Content-Type and the chunks of a body of any length, in a limited time.

        Raises DestinationUnreachable, RequestBroke, also while the chunks are read.
        """
        with self._request("GET", path, None, headers, None) as response:
            if response.status_code != NOT_FOUND:
                _served(response)
            yield response.status_code, response.headers.get("Content-Type", ""), self._chunks(response)

    def _chunks(self, response: httpx.Response) -> Iterator[bytes]:
        yield from response.iter_raw()
        if self._deadline.passed:  # a body without a stated length seems to end where it is cut
            raise RequestBroke(f"no whole answer within {self._limit_s:g} s")

    @contextmanager
    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        content: Iterator[bytes] | None,
    ) -> Iterator[httpx.Response]:
        """A response whose body is still to be read; errors of the network come out as ours."""
        size = int((headers or {}).get("Content-Length", 0))
        try:
            with (
                self._deadline.request(size),
                self._client.stream(
                    method,
                    self._url + path,
                    params=query,
                    headers=headers,
                    content=content,
                    extensions={"trace": self._deadline.trace},
                ) as response,
            ):
                yield response
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise DestinationUnreachable(f"no connection: {str(error) or 'timed out'}") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            if self._deadline.passed or isinstance(error, httpx.TimeoutException):
                raise RequestBroke(f"no whole answer within {self._limit_s:g} s") from error
            raise RequestBroke(f"the connection broke before an answer ({type(error).__name__})") from error

    def _body(self, response: httpx.Response) -> bytes:
        """All of it, as it came: no content encoding was asked for, and a small one may inflate without bound."""
        body = bytearray()
        for chunk in self._chunks(response):
            body += chunk
            if len(body) > MAX_REPLY:
                raise RequestBroke(f"HTTP {response.status_code}, with more than {MAX_REPLY} bytes")
        return bytes(body)


def named(status: int) -> str:
    """An HTTP status for a person; the words are the standard's, not the server's."""
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _served(response: httpx.Response) -> None:
    status = response.status_code
    if 300 <= status < 400:
        raise DestinationUnreachable(f"{named(status)}: redirects are not followed, correct the destination's url")
    if status in _NOT_SERVED:
        raise DestinationUnreachable(named(status), retry_after_s(response.headers.get("Retry-After", "")))


def retry_after_s(text: str) -> float:
    """Seconds of a Retry-After field (RFC 9110 10.2.3), a number or a date; 0 without one, an hour at most."""
    try:
        if text.strip().isdecimal():
            seconds = float(text)
        else:
            at = parsedate_to_datetime(text)
            seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - time.time()
    except (ValueError, OverflowError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S)


def _tls(destination: Destination) -> ssl.SSLContext:
    if destination.ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=destination.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError([f"destination {destination.name}: ca_file holds no certificates"]) from error
