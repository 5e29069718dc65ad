"""DICOMscope 3.6 under Xvfb: loads a GSPS with its image and takes a picture of what it draws.

DICOMscope has no command line for this, so its browser tree is driven by keys (xdotool). DCMTK's rules hold: a
presentation state without a patient's name is refused, and the image must not be compressed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("dicomscope", "Xvfb", "xdotool", "import", "dcmqridx")
_CONFIG = Path("/etc/dcmtk/DICOMscope.cfg")
_SCREEN = "1400x1000x24"
_STUDY_ROW, _INSTANCE_ROW = (95, 96), (300, 128)  # of the browser tree, at the fixed screen size


class ViewerFailedError(RuntimeError):
    """The viewer did not show what it was given."""


def missing() -> list[str]:
    """The programs that are not installed."""
    absent = [program for program in PROGRAMS if shutil.which(program) is None]
    return absent if _CONFIG.exists() else [*absent, str(_CONFIG)]


def photograph(state: Path, image: Path, folder: Path, wait_s: float = 40.0) -> Path:
    """A picture of the screen with `state` applied to `image`; everything is kept in `folder`.

    Raises ViewerFailedError when DICOMscope refuses the presentation state or never comes up.
    """
    _set_up(folder, [state, image])
    picture = folder / "screen.png"
    with _alone(), _screen(folder) as env, _running(["dicomscope", "DICOMscope.cfg"], folder, env):
        _wait_for(lambda: _bright(folder, env), wait_s, "DICOMscope did not come up")
        time.sleep(2)
        _keys(env, "mousemove", *map(str, _STUDY_ROW), "click", "1", "sleep", "0.6")
        _keys(env, "key", "Right", "sleep", "0.6", "key", "Down", "key", "Right", "sleep", "0.6")
        _keys(env, "mousemove", *map(str, _INSTANCE_ROW), "click", "--repeat", "2", "--delay", "120", "1")
        _wait_for(lambda: _dark(folder, env), 20.0, "DICOMscope did not load the presentation state")
        time.sleep(2)
        subprocess.run(["import", "-window", "root", str(picture)], env=env, check=True, timeout=30)
    return picture


def _set_up(folder: Path, files: Sequence[Path]) -> None:
    """A database of the files, the presentation state first, so that its series is the tree's first."""
    for name in ("db", "log", "spool"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    kept = [shutil.copy(file, folder / "db" / f"{number}.dcm") for number, file in enumerate(files)]
    subprocess.run(["dcmqridx", str(folder / "db"), *map(str, kept)], check=True, capture_output=True, timeout=30)
    lines, section = [], ""
    for line in _CONFIG.read_text(encoding="latin-1").splitlines():
        section = line if line.startswith("[") else section
        at_home = section == "[DATABASE]" and line.startswith("Directory")
        lines.append(f"Directory = {folder / 'db'}" if at_home else line)
    (folder / "DICOMscope.cfg").write_text("\n".join(lines) + "\n", encoding="latin-1")


@contextmanager
def _alone() -> Iterator[None]:
    """No second DICOMscope meanwhile, in any process: its programs listen on fixed ports."""
    with (Path(tempfile.gettempdir()) / "thoraxd-test-dicomscope.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _screen(folder: Path) -> Iterator[dict[str, str]]:
    """An X server on the first free display; the environment that names it."""
    number = next(n for n in range(70, 200) if not Path(f"/tmp/.X11-unix/X{n}").exists())
    env = {**os.environ, "DISPLAY": f":{number}", "HOME": str(folder)}
    with _running(["Xvfb", f":{number}", "-screen", "0", _SCREEN, "-nolisten", "tcp"], folder, env):
        _wait_for(Path(f"/tmp/.X11-unix/X{number}").exists, 10.0, "Xvfb did not start")
        yield env


@contextmanager
def _running(command: list[str], folder: Path, env: dict[str, str]) -> Iterator[None]:
    with (folder / f"{command[0]}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, 15)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait(10)


def _keys(env: dict[str, str], *words: str) -> None:
    subprocess.run(["xdotool", *words], env=env, check=True, timeout=30)


def _mean(env: dict[str, str], folder: Path) -> float:
    """Mean brightness of the middle of the screen, 0..1."""
    picture = folder / "peek.png"
    subprocess.run(["import", "-window", "root", str(picture)], env=env, check=True, timeout=30)
    command = ["convert", str(picture), "-gravity", "center", "-crop", "600x500+0+0", "-format", "%[fx:mean]", "info:"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout)


def _bright(folder: Path, env: dict[str, str]) -> bool:
    return _mean(env, folder) > 0.9  # the browser's white page


def _dark(folder: Path, env: dict[str, str]) -> bool:
    return _mean(env, folder) < 0.85  # the viewer's page with a picture


def _wait_for(ready: object, seconds: float, otherwise: str) -> None:
    assert callable(ready)
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise ViewerFailedError(otherwise)
        time.sleep(0.5)
