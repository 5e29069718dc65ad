"""HL7 v2 text: what is written can be read, by the library `hl7` too; what is read need not be as we write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.hl7 import (
    MalformedMessage,
    components,
    decoded,
    escaped,
    parse,
    seconds_of,
    segment,
    time_of,
    unescaped,
)

DELIMITERS = "|^~\\&"
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
# `hl7` trims a message, so text at its very end may lose spaces; a field after it keeps them
HEADER = "MSH|^~\\&|A|B|C|D|20260102||ORU^R01|1|P|2.5.1"


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_any_text_survives_a_message(texts: list[str]) -> None:
    message = f"{HEADER}\r{segment('PID', {5: components(*texts, 'end'), 6: 'x'})}\r"

    (read,) = parse(message).first("PID").repetitions(5)

    assert read == [*texts, "end"]


@given(TEXTS)
def test_any_text_is_read_by_the_library_as_it_was(text: str) -> None:
    message = hl7.parse(f"{HEADER}\r{segment('PID', {5: components('x', text, 'end'), 6: 'x'})}\r")

    assert message.unescape(str(message.segment("PID")[5][0][1])) == text


@given(TEXTS)
def test_no_text_can_end_a_segment_or_a_frame(text: str) -> None:
    assert not set("\r\n\x0b\x1c|^&~") & set(escaped(text))


@given(st.text())
def test_whatever_is_read_as_text_raises_nothing(text: str) -> None:
    unescaped(text, DELIMITERS)
    try:
        message = parse(text)
    except MalformedMessage:
        return
    for each in message.segments:
        for number in range(1, len(each.fields)):
            each.text(number)


@given(st.binary(max_size=60))
def test_of_any_bytes_it_is_said_what_they_are_not(content: bytes) -> None:
    for whole in (content, b"MSH|^~\\&" + b"|" * 16 + content):
        try:
            decoded(whole)
        except (LookupError, UnicodeDecodeError):
            pass


@pytest.mark.parametrize(
    "text, read",
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f", "a|b^c&d~e\\f"),
        ("\\X0D0A\\", "\r\n"),
        ("\\H\\loud\\N\\ \\Zed\\", "loud "),
        ("line\\.br\\line", "line\nline"),
        ("left \\open", "left \\open"),
    ],
)
def test_escape_sequences_are_read(text: str, read: str) -> None:
    assert unescaped(text, DELIMITERS) == read


def test_a_message_states_its_own_delimiters() -> None:
    message = parse("MSH#*+!%#SENDER#######1\nPID#1##A*B%C!F!D\r\n")

    assert message.header.text(3) == "SENDER"
    assert message.first("PID").repetitions(3) == [["A", "B%C#D"]]


@pytest.mark.parametrize("text", ["", "PID|1", "MSH", "MSH|^~\\", "MSH|^^~\\&", "MSH|^~\\&|\r|x", "FHS|^~\\&|"])
def test_what_is_no_message_is_said_to_be_none(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse(text)


@pytest.mark.parametrize(
    "text, at",
    [
        ("20260102101112+0200", datetime(2026, 1, 2, 8, 11, 12, tzinfo=UTC)),
        ("202601021011-0530", datetime(2026, 1, 2, 15, 41, tzinfo=UTC)),
        ("20260102101112.25+0000", datetime(2026, 1, 2, 10, 11, 12, 250000, tzinfo=UTC)),
        ("2026+0000", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read(text: str, at: datetime) -> None:
    assert seconds_of(text) == at.timestamp()


@pytest.mark.parametrize("text", ["", "yesterday", "20261302", "2026010225", "20260102+9999", "202601021"])
def test_what_is_no_time_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError):
        seconds_of(text)


def test_a_time_is_written_with_its_offset() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert time_of(at) == "20260102030405+0530"


@pytest.mark.parametrize("charset, encoding", [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("", "utf-8")])
def test_text_is_read_in_the_character_set_that_it_names(charset: str, encoding: str) -> None:
    message = f"MSH|^~\\&|Müller||||2026||ORM^O01|1|P|2.3.1||||||{charset}\r"

    assert parse(decoded(message.encode(encoding))).header.text(3) == "Müller"


def test_an_unknown_character_set_is_said_to_be_unknown() -> None:
    with pytest.raises(LookupError):
        decoded(b"MSH|^~\\&" + b"|" * 16 + b"EBCDIC\r")
