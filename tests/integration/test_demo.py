"""`thoraxd demo`, what the README begins with: a film through a private instance, and the page that shows it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx


def thoraxd(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "daemon", *arguments]


def test_the_demo_marks_its_phantom_and_its_page_stays_until_it_is_asked_to_end(tmp_path):
    out, told = tmp_path / "out", tmp_path / "told"
    with told.open("w") as stderr:
        command = thoraxd("demo", "--keep", "--json", "--out", str(out))
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
    try:
        report = json.loads(demo.stdout.readline())
        assert (report["state"], report["positive"], set(report["outputs"])) == ("REPORTED", True, {"sr", "gsps"})
        assert Path(report["pictures"][0]).read_bytes().startswith(b"\x89PNG")

        command = thoraxd("check", "--json", "--config", str(out / "thoraxd.toml"))
        checked = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
        details = {line["name"]: line["detail"] for line in map(json.loads, checked.splitlines())}
        (page,) = [line.split()[1] for line in told.read_text().splitlines() if line.startswith("page")]
        assert details["web"] == f"{page} answers: ok"
        assert "Reading worklist" in httpx.get(page).text
    finally:
        demo.send_signal(signal.SIGINT)
        rest, _ = demo.communicate(timeout=60)
    assert (demo.returncode, rest) == (0, "")
