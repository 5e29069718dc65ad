"""Times in results are local times unless the film says otherwise: PS3.3 C.12.1, Timezone Offset From UTC."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.support.reports import make_header, make_image, make_request, one
from worker.report import local

SECONDS = 1795226584.567  # 2026-11-21 02:03:04.567 UTC
CLOCKS = {  # of a host at that instant
    "JST-9": ("20261121", "110304.567000"),
    "UTC0": ("20261121", "020304.567000"),
    "EST5EDT,M3.2.0,M11.1.0": ("20261120", "210304.567000"),
}
KINDS = ("sr", "text-sr", "chest-cad-sr", "gsps", "kos")


@pytest.fixture(params=CLOCKS)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The host's time zone."""
    with monkeypatch.context() as host:
        host.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_offset_in_the_film_the_time_is_that_of_the_hosts_clock(zone: str, kind: str) -> None:
    ds = one(make_request(make_image(), analysed_at=local(SECONDS)), kind).dataset

    assert (ds.InstanceCreationDate, ds.InstanceCreationTime) == CLOCKS[zone]
    assert "TimezoneOffsetFromUTC" not in ds


def test_with_an_offset_in_the_film_the_hosts_zone_does_not_matter(zone: str) -> None:
    film = make_image(header=make_header(TimezoneOffsetFromUTC="+0530"))

    ds = one(make_request(film, analysed_at=local(SECONDS)), "sr").dataset

    assert (ds.ContentDate, ds.ContentTime[:6], ds.TimezoneOffsetFromUTC) == ("20261121", "073304", "+0530")
