from __future__ import annotations

from daemon.presence import Presence
from daemon.sections import StudySettings
from daemon.settle import complete_now

SETTINGS = StudySettings(quiet_s=2.0, idle_s=60.0)


def complete(last_instance_at, now, *, is_open=False, released_at=0.0):
    open_studies = {"1.2"} if is_open else set()
    return bool(complete_now([("1.2", last_instance_at)], open_studies, lambda _: released_at, now, SETTINGS))


def test_a_study_is_complete_when_quiet_has_passed_since_the_release():
    assert not complete(100.0, 102.9, released_at=101.0)
    assert complete(100.0, 103.0, released_at=101.0)


def test_an_open_association_keeps_its_study_open():
    assert not complete(100.0, 159.0, is_open=True)


def test_an_association_that_is_never_released_does_not_keep_it_open_for_ever():
    assert complete(100.0, 160.0, is_open=True)


def test_after_a_restart_quiet_counts_from_the_last_instance():
    assert complete(100.0, 102.0)


def test_a_study_is_open_until_the_last_of_its_associations_ends():
    now = [10.0]
    presence = Presence(lambda: now[0])
    presence.touched(1, "1.2")
    presence.touched(2, "1.2")
    presence.closed(1)
    assert presence.open_studies() == {"1.2"}
    now[0] = 12.0
    presence.closed(2)
    assert presence.open_studies() == frozenset()
    assert presence.released_at("1.2") == 12.0
