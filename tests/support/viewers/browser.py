"""A page of ours in headless Chromium, driven by a test as a person would: keys, the mouse, and looking.

Needs what no Debian package has: playwright-core and, for `axe`, axe-core; see README.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.viewers.ohif import MODULES

_DRIVER = Path(__file__).with_suffix(".mjs")


def missing(*packages: str) -> list[str]:
    """What is not installed or not named by its environment variable."""
    modules = Path(os.environ.get(MODULES, "/nowhere"))
    absent = [program for program in ("node", "chromium") if shutil.which(program) is None]
    wanted = ("playwright-core", *packages)
    return absent + [f"{package} (${MODULES})" for package in wanted if not (modules / package).is_dir()]


class Browser:
    """One window of `width` x `height` CSS pixels. scheme: dark or light, as the system prefers it."""

    def __init__(self, width: int = 1600, height: int = 950, scheme: str = "dark") -> None:
        command = ["node", str(_DRIVER), str(shutil.which("chromium")), os.environ[MODULES], str(width), str(height)]
        self._node = subprocess.Popen([*command, scheme], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._node.stdin and self._node.stdout
        self._node.stdin.close()
        self._node.wait(20)
        self._node.stdout.close()

    def _do(self, act: str, given: Any = None) -> Any:
        assert self._node.stdin and self._node.stdout
        self._node.stdin.write(json.dumps({"act": act, "given": given}) + "\n")
        self._node.stdin.flush()
        answer = json.loads(self._node.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def goto(self, url: str) -> None:
        """Load a page."""
        self._do("goto", url)

    def size(self, width: int, height: int) -> None:
        """Make the window so large."""
        self._do("size", [width, height])

    def look(self, script: str) -> Any:
        """The value of a JavaScript expression on the page."""
        return self._do("evaluate", script)

    def wait(self, script: str) -> None:
        """Until the expression is true; 20 s at most."""
        self._do("wait", script)

    def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            self._do("press", key)

    def drag(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """With the left button, in CSS pixels of the window."""
        self._do("drag", [x0, y0, x1, y1])

    def shot(self, path: Path) -> Path:
        """A screenshot of the window, as PNG."""
        self._do("shot", str(path))
        return path

    def axe(self) -> list[dict[str, Any]]:
        """What axe-core finds against the page: id, impact, help, where."""
        found: list[dict[str, Any]] = self._do("axe")
        return found

    @property
    def complaints(self) -> list[str]:
        """Errors of scripts and in the console since the start."""
        return list(self._do("complaints"))

    @property
    def navigations(self) -> int:
        """How often a page was loaded."""
        return int(self._do("navigations"))
