"""The parser of multipart bodies: RFC 2046 5.1.1, fed in every possible way."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.web.stow_parts import (
    MAX_HEADERS,
    MAX_PREAMBLE,
    MalformedBody,
    PartBegins,
    PartContent,
    PartEnds,
    Parts,
)

Part = tuple[dict[str, str], bytes]


def parse(chunks: Iterable[bytes], boundary: str = "b") -> list[Part]:
    """The whole parts of a body; raises MalformedBody where it is none."""
    parts, found, headers, content = Parts(boundary), [], {}, bytearray()
    for chunk in chunks:
        for event in parts.feed(chunk):
            match event:
                case PartBegins():
                    headers, content = dict(event.headers), bytearray()
                case PartContent():
                    content += event.content
                case PartEnds():
                    found.append((headers, bytes(content)))
    parts.end()
    return found


def body(*contents: bytes, headers: bytes = b"A: 1\r\n", boundary: bytes = b"b") -> bytes:
    parts = b"".join(b"--%b\r\n%b\r\n%b\r\n" % (boundary, headers, content) for content in contents)
    return parts + b"--%b--\r\n" % boundary


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(whole) + 1) for place in places), len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(edges)]


# Bytes of which every beginning of a delimiter is made.
nearly = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"b", b" ", b"\0", b"\r\n--", b"\r\n--bb", b"\r\n--b!"])).map(
    b"".join
)


@given(st.lists(nearly, max_size=4), st.lists(st.integers(min_value=0), max_size=12))
def test_however_a_body_is_cut_the_parts_are_the_same(contents: list[bytes], places: list[int]) -> None:
    contents = [content for content in contents if b"\r\n--b\r\n" not in b"\r\n" + content + b"\r\n"]
    contents = [content for content in contents if b"\r\n--b--" not in content and b"\r\n--b " not in content]
    whole = b"preamble\r\n" + body(*contents) + b"epilogue\r\n--b\r\n"
    if not contents:
        whole = b"preamble\r\n--b--\r\n"
    assert parse(cut(whole, places)) == [({"a": "1"}, content) for content in contents]


@given(st.binary(max_size=300), st.lists(st.integers(min_value=0), max_size=5))
def test_whatever_is_sent_is_parsed_or_refused(whole: bytes, places: list[int]) -> None:
    for start in (b"", b"--b\r\n", b"--b\r\n\r\n"):
        try:
            in_pieces = parse(cut(start + whole, places))
        except MalformedBody:
            with pytest.raises(MalformedBody):
                parse([start + whole])
        else:
            assert in_pieces == parse([start + whole])


def test_byte_by_byte_nothing_is_held_but_a_delimiters_length() -> None:
    parts, longest = Parts("boundary"), 0
    for byte in b"--boundary\r\n\r\n" + b"\r\n--boundar" * 100:
        for _ in parts.feed(bytes([byte])):
            pass
        longest = max(longest, len(parts._buffer))
    assert longest <= len(b"\r\n--boundary")


def test_a_part_may_be_without_headers_and_without_content() -> None:
    assert parse([b"--b\r\n\r\n\r\n--b--"]) == [({}, b"")]


def test_headers_are_unfolded_and_the_first_of_two_counts() -> None:
    headers = b"Content-Type: application/dicom;\r\n\ttransfer-syntax=1.2\r\nX: 1\r\nx: 2\r\n"
    assert parse([body(b"", headers=headers)])[0][0] == {
        "content-type": "application/dicom; transfer-syntax=1.2",
        "x": "1",
    }


def test_a_boundary_may_be_followed_by_blanks() -> None:
    assert parse([b"--b \t\r\n\r\nx\r\n--b  \r\n\r\ny\r\n--b--"]) == [({}, b"x"), ({}, b"y")]


def test_a_boundary_that_another_begins_with_is_not_found_in_it() -> None:
    inner = body(b"inner", boundary=b"bb")
    assert parse([body(inner)]) == [({"a": "1"}, inner)]


@pytest.mark.parametrize(
    ("whole", "why"),
    [
        (b"", "has no part"),
        (b"no boundary at all\r\n", "has no part"),
        (b"--b\n\nlines end with LF alone\n--b--\n", "has no part"),
        (b"--b\r\nA: 1\r\n", "ends before"),
        (b"--b\r\nA: 1\r\n\r\ncontent", "ends before"),
        (b"--b\r\nA: 1\r\n\r\ncontent\r\n--b", "ends before"),
        (b"--b\r\nno field\r\n\r\n\r\n--b--", "no header field"),
        (b"--b\r\nA: " + b"x" * MAX_HEADERS + b"\r\n\r\n\r\n--b--", "longer than"),
        (b"--b\r\nA: " + b"x" * 2 * MAX_HEADERS, "longer than"),
        (b"x" * (MAX_PREAMBLE + 100), "no part begins"),
    ],
)
def test_what_is_no_body_is_refused_with_a_reason(whole: bytes, why: str) -> None:
    with pytest.raises(MalformedBody, match=why):
        parse([whole])


@pytest.mark.parametrize("boundary", ["", " ", "a" * 201, "a\r\nb", "é", 'a"b', "a\0"])
def test_a_boundary_that_cannot_be_one_is_refused(boundary: str) -> None:
    with pytest.raises(MalformedBody, match="boundary"):
        Parts(boundary)
