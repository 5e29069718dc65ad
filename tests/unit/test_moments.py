from __future__ import annotations

from datetime import UTC, datetime

import pytest

from daemon.core.moments import moment

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("text", "seconds_ago"), [("90m", 5400), ("12h", 43200), ("7 d", 604800), ("1.5s", 1.5)])
def test_an_age_counts_back_from_now(text, seconds_ago):
    assert moment(text, NOW) == NOW.timestamp() - seconds_ago


def test_a_time_without_a_zone_is_local_and_one_with_a_zone_is_not():
    assert moment("2026-11-21T11:00", NOW) == NOW.timestamp() - 3600
    assert moment("2026-11-21T11:00+02:00", NOW) == NOW.timestamp() - 3 * 3600


@pytest.mark.parametrize("text", ["yesterday", "12", "", "-5m", "25:00"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="such as"):
        moment(text, NOW)
