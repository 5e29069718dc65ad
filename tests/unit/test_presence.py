"""What is remembered of associations that brought studies."""

from __future__ import annotations

from daemon.presence import KEEP_S, Presence


def test_a_study_is_open_until_the_last_association_that_brings_it_ends():
    now = [100.0]
    presence = Presence(lambda: now[0])
    presence.touched(1, "1.2")
    presence.touched(2, "1.2")
    presence.closed(1)
    assert presence.open_studies() == {"1.2"}
    now[0] = 105.0
    presence.closed(2)
    presence.closed(2)
    assert presence.open_studies() == frozenset()
    assert presence.released_at("1.2") == 105.0


def test_a_release_that_nobody_asks_for_is_not_remembered_for_ever():
    now = [100.0]
    presence = Presence(lambda: now[0])
    presence.touched(1, "1.2")
    presence.closed(1)
    now[0] += KEEP_S
    presence.touched(1, "1.3")
    presence.closed(1)
    assert presence.released_at("1.2") == 0.0
    assert presence.released_at("1.3") == now[0]
