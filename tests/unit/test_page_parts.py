"""Parts of the pages that need no server: names in URLs, words, the feed of changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.priority import percent
from daemon.web import events
from daemon.web.events import Feed, TooManyListeners
from daemon.web.pages import words
from daemon.web.pages.tokens import Tokens

UIDS = st.from_regex(r"\A[0-9]+(\.[0-9]+){1,8}\Z").filter(lambda uid: len(uid) <= 64)
TOKENS = Tokens(b"s" * 32)


@given(UIDS)
def test_a_name_in_a_url_opens_to_its_study_and_does_not_show_it(uid: str) -> None:
    token = TOKENS.of(uid)

    assert TOKENS.study_uid(token) == uid
    assert uid not in token and token.replace("-", "").replace("_", "").isalnum()
    assert Tokens(b"t" * 32).study_uid(token) is None


@given(st.text(max_size=140))
def test_no_other_text_names_a_study(text: str) -> None:
    assert TOKENS.study_uid(text) is None


def test_a_changed_name_names_no_study() -> None:
    token = TOKENS.of("1.2.840.99")

    for at in range(len(token)):
        other = "A" if token[at] != "A" else "B"
        assert TOKENS.study_uid(token[:at] + other + token[at + 1 :]) != "1.2.840.99" or at == len(token) - 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Doe^Jane", "Doe, Jane"),
        ("Doe^Jane^Q^Dr^III", "Doe, Dr Jane Q, III"),
        ("^^^^", "no name"),
        ("", "no name"),
        ("=山田^太郎", "山田, 太郎"),
        ("Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
    ],
)
def test_a_persons_name_is_said_as_it_is_read(name: str, said: str) -> None:
    assert words.person(name) == said


@pytest.mark.parametrize(
    ("birth", "at", "said"),
    [
        ("19600101", "20260102", "66 y"),
        ("19600103", "20260102", "65 y"),
        ("20250901", "20260102", "4 mo"),
        ("20270101", "20260102", ""),
        ("", "20260102", ""),
        ("19609999", "20260102", ""),
    ],
)
def test_an_age_is_that_on_the_day_of_the_study(birth: str, at: str, said: str) -> None:
    assert words.age(birth, at) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h 00 min"), (200_000, "2 d 7 h")],
)
def test_a_length_of_time_is_said_in_two_units(seconds: float, said: str) -> None:
    assert words.lasting(seconds) == said


def test_no_probability_is_certain() -> None:
    assert [percent(value) for value in (0.0, 0.004, 0.5, 0.995, 1.0)] == [
        "<1 %",
        "<1 %",
        "50 %",
        ">99 %",
        ">99 %",
    ]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "POLL_S", 0.01)
    monkeypatch.setattr(events, "KEEP_ALIVE_S", 0.05)


async def news(stream: AsyncIterator[bytes], count: int) -> list[bytes]:
    """The next events, save that the server is there."""
    found: list[bytes] = []
    async for part in stream:
        if b"event: here" not in part:
            found.append(part.split(b"\n")[0])
        if len(found) == count:
            break
    return found


@pytest.mark.usefixtures("quick")
def test_listeners_hear_of_their_own_topic_once_and_of_the_end() -> None:
    async def play() -> None:
        looks: list[str] = []
        now = {"worklist": 0, "queue": 0}
        ending = threading.Event()

        def look(topic: str) -> int:
            looks.append(topic)
            return now[topic]

        feed = Feed(look, ending)
        first, second, other = feed.listen("worklist"), feed.listen("worklist"), feed.listen("queue")
        heard = [asyncio.create_task(news(stream, 2)) for stream in (first, second, other)]
        await asyncio.sleep(0.1)
        assert looks.count("worklist") == pytest.approx(looks.count("queue"), abs=1)  # two listeners, one look
        now["worklist"] = 1
        await asyncio.sleep(0.1)
        ending.set()
        told = await asyncio.wait_for(asyncio.gather(*heard), 5)
        assert told == [[b"event: changed", b"event: closing"]] * 2 + [[b"event: closing"]]

    asyncio.run(play())


@pytest.mark.usefixtures("quick")
def test_a_silent_stream_says_that_it_lives_and_one_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_LISTENERS", 1)

    async def play() -> None:
        feed = Feed(lambda _: 0, threading.Event())
        stream = feed.listen("worklist")
        here = b"event: here\ndata: 0.05\n\n"  # and after how long the next comes
        assert [await anext(stream) for _ in range(3)] == [b"retry: 2000\n" + here, here, here]
        with pytest.raises(TooManyListeners):
            feed.listen("worklist")
        await stream.aclose()  # type: ignore[attr-defined]
        await feed.listen("worklist").aclose()  # type: ignore[attr-defined]

    asyncio.run(play())
