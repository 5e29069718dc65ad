"""Answers in parts: multipart/related, PS3.18 8.6.1.2; streamed, so that one of any size costs that of a chunk."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from daemon.web.media_types import MULTIPART


@dataclass(frozen=True, slots=True)
class Part:
    """content_type: with its parameters; size: of the content in bytes; location: where to retrieve it by itself."""

    content_type: str
    size: int
    content: AsyncIterator[bytes]
    location: str = ""


async def in_parts(media_type: str, parts: AsyncIterator[Part], headers: dict[str, str]) -> Response:
    """One answer of these parts. What goes wrong before the first byte of the first part is raised."""
    boundary = uuid.uuid4().hex
    kind = f'{MULTIPART}; type="{media_type}"; boundary={boundary}'
    return StreamingResponse(await started(_body(parts, boundary)), headers=headers, media_type=kind)


async def alone(part: Part, headers: dict[str, str]) -> Response:
    """One part's content without a frame of parts."""
    headers = headers | {"Content-Length": str(part.size)}
    return StreamingResponse(await started(part.content), headers=headers, media_type=part.content_type)


async def started(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same, its first chunk made already: an error in it becomes a status, one in a later chunk a broken answer."""
    first = await anext(chunks, b"")

    async def all_of_it() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return all_of_it()


async def _body(parts: AsyncIterator[Part], boundary: str) -> AsyncIterator[bytes]:
    async for part in parts:
        fields = f"Content-Type: {part.content_type}\r\nContent-Length: {part.size}\r\n"
        if part.location:
            fields += f"Content-Location: {part.location}\r\n"
        head = f"--{boundary}\r\n{fields}\r\n".encode("latin-1")
        async for chunk in part.content:
            yield head + chunk
            head = b""
        yield head + b"\r\n"
    yield f"--{boundary}--\r\n".encode("latin-1")
