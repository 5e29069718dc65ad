"""Renderers keep what a hostile picture does to themselves: bounded in time and memory, and nobody else is hit."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLosslessSV1, RLELossless

from daemon.store.archive import Archive
from daemon.web.renderer_process import RendererProcess
from daemon.web.renderers import Look, NotRenderable, RendererLost, Renderers, RenderersBusy
from tests.support.builders import make_cxr, write
from tests.support.peers import processes, programs
from tests.support.peers.sender import send
from tests.support.shelf import Shelf
from tests.support.system import ROOT
from worker.render import render_image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(make_cxr(rows=60, columns=50), tmp_path / "film.dcm")
    return tmp_path


@pytest.fixture
def renderers(folder: Path) -> Iterator[Renderers]:
    made = Renderers(Archive(str(folder)), 1, limit_s=20.0)
    yield made
    made.stop()


def mine() -> list[int]:
    return [pid for pid in processes.children(os.getpid()) if "worker.render.serve" in processes.command(pid)]


def with_stream(change: Callable[[bytearray], object], syntax: str = JPEG2000Lossless, side: int = 64) -> Dataset:
    """A film whose bit stream is changed."""
    film = make_cxr(rows=side, columns=side, transfer_syntax=syntax)
    stream = bytearray(get_frame(film.PixelData, 0, number_of_frames=1))
    change(stream)
    film.PixelData = encapsulate([bytes(stream)])
    return film


def siz(at: int, *values: int) -> Callable[[bytearray], object]:
    """Writes 32-bit values into the SIZ segment, counted from behind its marker (ISO/IEC 15444-1 A.5.1)."""
    return lambda stream: struct.pack_into(
        f">{len(values)}I", stream, stream.find(b"\xff\x4f\xff\x51") + 4 + at, *values
    )


def huge_header() -> Dataset:
    film = make_cxr(rows=64, columns=64)
    film.Rows = film.Columns = 60000
    return film


def short_pixels() -> Dataset:
    film = make_cxr(rows=64, columns=64)
    film.PixelData = film.PixelData[:100]
    return film


def rle_of_another_size() -> Dataset:
    film = make_cxr(rows=64, columns=64, transfer_syntax=RLELossless)
    film.Rows = film.Columns = 9999
    return film


def sized_up() -> Dataset:
    film = with_stream(lambda stream: (siz(4, 9999, 9999)(stream), siz(20, 9999, 9999)(stream)))
    film.Rows = film.Columns = 9999
    return film


def damaged(stream: bytearray) -> None:
    for at in range(300, len(stream) - 50, 97):
        stream[at] ^= 0x55


HOSTILE: dict[str, Callable[[], Dataset]] = {
    "60000 x 60000 in the header": huge_header,
    "60000 x 60000 in the stream": lambda: with_stream(siz(4, 60000, 60000)),
    "both say 9999 x 9999, and there are 64": sized_up,
    "tiles of one pixel": lambda: with_stream(siz(20, 1, 1), side=512),
    "half a JPEG 2000 stream": lambda: with_stream(lambda stream: stream.__delitem__(slice(len(stream) // 2, None))),
    "38 bits": lambda: with_stream(lambda stream: stream.__setitem__(42 + stream.find(b"\xff\x4f\xff\x51"), 37)),
    "a damaged JPEG lossless stream": lambda: with_stream(damaged, JPEGLosslessSV1),
    "native pixels that end early": short_pixels,
    "RLE of another size": rle_of_another_size,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_picture_is_refused_soon_and_without_a_heap(renderers, folder, name):
    write(HOSTILE[name](), folder / "hostile.dcm")

    async def attempt() -> None:
        started = time.monotonic()
        with pytest.raises(NotRenderable):
            await renderers.rendered("hostile.dcm", Look())
        with pytest.raises(NotRenderable):
            await renderers.frames("hostile.dcm", [1], RLELossless if name[:3] != "RLE" else ExplicitVRLittleEndian)
        assert time.monotonic() - started < 10
        assert await renderers.rendered("film.dcm", Look())

    asyncio.run(attempt())
    (pid,) = mine()
    peak = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 1_000_000, peak


def test_a_renderer_that_takes_too_long_is_replaced_and_its_object_not_tried_again(folder):
    write(make_cxr(rows=60, columns=50), folder / "endless.dcm")
    renderers = Renderers(Archive(str(folder)), 1, limit_s=2.0)

    async def attempts() -> None:
        await renderers.rendered("film.dcm", Look())
        (first,) = mine()
        os.kill(first, signal.SIGSTOP)  # as a decoder that never comes back
        with pytest.raises(NotRenderable, match="not decoded within 2 s"):
            await renderers.rendered("endless.dcm", Look())
        assert mine() == []
        with pytest.raises(NotRenderable, match="not decoded within 2 s"):
            await renderers.rendered("endless.dcm", Look())
        assert mine() == [], "it was tried again"
        assert await renderers.rendered("film.dcm", Look())
        (second,) = mine()
        assert first != second

    asyncio.run(attempts())
    renderers.stop()
    assert mine() == []


def test_a_picture_that_memory_does_not_hold_is_refused_and_the_renderer_goes_on(folder):
    large = make_cxr(pixels=np.zeros((6000, 6000), dtype=np.int64))
    write(large, folder / "large.dcm")
    process = RendererProcess(memory_bytes=350_000_000)  # with the program itself, half of what this film takes
    look = asdict(Look())
    with pytest.raises(NotRenderable, match="too large for this machine"):
        process.ask({"what": "rendered", "look": look, "frame": 1, "paths": {"object": str(folder / "large.dcm")}}, 20)
    small = {"what": "rendered", "look": look, "frame": 1, "paths": {"object": str(folder / "film.dcm")}}
    assert process.ask(small, 20).parts
    process.close()


def test_a_killed_renderer_takes_one_request_with_it(renderers):
    async def attempts() -> None:
        await renderers.rendered("film.dcm", Look())
        (pid,) = mine()
        os.kill(pid, signal.SIGSTOP)
        waiting = [asyncio.create_task(renderers.rendered("film.dcm", Look())) for _ in range(5)]
        await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [RendererLost, bytes, bytes, bytes, bytes]

    asyncio.run(attempts())


def test_more_requests_than_may_wait_are_refused_at_once(renderers):
    async def attempts() -> None:
        await renderers.rendered("film.dcm", Look())
        (pid,) = mine()
        os.kill(pid, signal.SIGSTOP)
        waiting = [asyncio.create_task(renderers.rendered("film.dcm", Look())) for _ in range(80)]
        await asyncio.sleep(0.2)
        refused = [task for task in waiting if task.done()]
        os.kill(pid, signal.SIGCONT)
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert 10 <= len(refused) <= 16
        assert all(isinstance(task.exception(), RenderersBusy) for task in refused)
        assert sum(isinstance(answer, bytes) for answer in answers) == 80 - len(refused)

    asyncio.run(attempts())


def test_a_stop_ends_the_renderer_and_who_waits(folder):
    renderers = Renderers(Archive(str(folder)), 1)

    async def attempts() -> None:
        await renderers.rendered("film.dcm", Look())
        (pid,) = mine()
        os.kill(pid, signal.SIGSTOP)
        waiting = [asyncio.create_task(renderers.rendered("film.dcm", Look())) for _ in range(3)]
        await asyncio.sleep(0.2)
        await asyncio.to_thread(renderers.stop)
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [RendererLost] * 3

    asyncio.run(attempts())
    assert mine() == []
    with pytest.raises(RendererLost):
        asyncio.run(renderers.rendered("film.dcm", Look()))


def test_nothing_is_started_before_it_is_needed(renderers):
    assert mine() == []


def test_a_raster_is_the_films_values_and_how_they_are_shown(renderers, folder):
    film = make_cxr(rows=90, columns=71, photometric="MONOCHROME1", RescaleSlope=2, RescaleIntercept=-5)
    write(film, folder / "raster.dcm")
    raster = asyncio.run(renderers.pixels("raster.dcm"))
    levels = np.frombuffer(raster.levels, "<u2").reshape(raster.rows, raster.columns)
    assert (raster.slope, raster.intercept, raster.inverted, raster.step) == (2.0, -5.0, True, 1)
    assert np.array_equal(levels, film.pixel_array)
    shown = np.frombuffer(raster.shown, np.uint8)[levels]
    assert np.array_equal(shown, render_image(film, (71, 90))[:, :, 0])
    reduced = asyncio.run(renderers.pixels("raster.dcm", 32))
    assert (reduced.rows, reduced.columns, reduced.step) == (30, 24, 3)
    small = np.frombuffer(reduced.levels, "<u2").reshape(30, 24)
    assert np.array_equal(small[3, 4], round(float(film.pixel_array[9:12, 12:15].mean())))


def test_a_heat_map_is_clear_where_there_is_nothing_and_red_where_it_is_sure(renderers):
    heat = {"rows": 2, "columns": 2, "values": [0.0, 0.0, 0.0, 1.0]}
    picture = np.asarray(Image.open(BytesIO(asyncio.run(renderers.heat(heat, 40, 40)))))
    assert picture.shape == (40, 40, 4)
    assert picture[2, 2, 3] == 0
    assert picture[37, 37, 0] > 200 and picture[37, 37, 3] > 100 and picture[37, 37, 2] < 60


def test_a_thumbnail_is_made_once(renderers, folder):
    async def attempts() -> None:
        first = await renderers.thumbnail("film.dcm")
        (folder / "film.dcm").unlink()
        assert await renderers.thumbnail("film.dcm") == first

    asyncio.run(attempts())


def test_a_renderer_ends_with_its_daemon_however_that_is_killed(folder):
    program = (
        "import asyncio, sys, time\n"
        "from daemon.store.archive import Archive\n"
        "from daemon.web.renderers import Look, Renderers\n"
        "renderers = Renderers(Archive(sys.argv[1]), 1)\n"
        "asyncio.run(renderers.rendered('film.dcm', Look()))\n"
        "print(renderers._processes[0].pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as daemon:
        assert daemon.stdout is not None
        pid = next(int(line) for line in daemon.stdout if line.strip().isdigit())
        assert "worker.render.serve" in processes.command(pid)
        os.kill(pid, signal.SIGSTOP)  # it cannot see its pipe close
        daemon.kill()
    programs.wait_until(lambda: not processes.command(pid), 5, "the renderer's end")


def test_the_server_says_try_again_when_its_renderer_is_killed_and_goes_on_receiving(tmp_path):
    film = make_cxr(rows=60, columns=50)
    with Shelf(tmp_path) as shelf:
        shelf.put(film)
        assert shelf.get(film, "rendered").status_code == 200
        (pid,) = mine()
        os.kill(pid, signal.SIGSTOP)
        answers: list[object] = []
        thread = threading.Thread(target=lambda: answers.append(shelf.get(film, "rendered")))
        thread.start()
        programs.wait_until(lambda: shelf.client.get("/health").status_code < 500, 5, "health")
        assert send(shelf.settings.scp.port, [make_cxr(rows=60, columns=50)]) == [0x0000]
        os.kill(pid, signal.SIGKILL)
        thread.join(10)
        (answer,) = answers
        assert answer.status_code == 503 and answer.headers["retry-after"]
        assert shelf.get(film, "rendered").status_code == 200
        hostile = HOSTILE["native pixels that end early"]()
        shelf.put(hostile)
        refused = shelf.get(hostile, "rendered")
        assert (refused.status_code, refused.json()) == (406, {"error": "Pixel Data holds 100 bytes of 8192"})
    assert mine() == []
