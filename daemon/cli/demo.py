"""`thoraxd demo`: films through a private instance on free ports, from C-STORE to the drawn picture."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pynetdicom import AE
from rich.console import Console

from daemon.cli.tables import findings, print_lesions
from daemon.core.errors import DestinationUnreachable, SettingsError
from daemon.core.states import SETTLED
from daemon.dimse.scu import echo
from daemon.phantom import phantom_dicom
from daemon.sections import Destination
from daemon.settings import Settings, environment_for, load
from daemon.store.ledger import Ledger
from daemon.store.opening import open_store

START_S = 60.0
PER_FILM_S = 60.0
LOOK_S = 0.5
MARK = ".thoraxd-demo"  # only a folder that a demo made is emptied by the next


@dataclass(frozen=True, slots=True)
class Instance:
    """A demo's own thoraxd while it runs, and where its page is."""

    process: subprocess.Popen[bytes]
    page: str

    def keep(self) -> None:
        """Return when someone asks us to end (SIGINT, SIGTERM), or when the instance has ended by itself."""
        ending = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ending.set())
        while not ending.wait(LOOK_S) and self.process.poll() is None:
            pass


@contextmanager
def run_demo(files: Sequence[Path], out: Path, console: Console) -> Iterator[tuple[list[dict[str, Any]], Instance]]:
    """Send `files` (none: one phantom) through an instance of its own under `out`; one report a study.

    Each report is `thoraxd show`'s, with "pictures": the PNG of every analysed film. The instance runs within the
    block.
    """
    for file in files:
        _check(file)
    if out.exists():
        if not out.is_dir() or (any(out.iterdir()) and not (out / MARK).is_file()):
            raise SettingsError([f"{out} exists and is not a demo's folder: name another with --out"])
        shutil.rmtree(out)
    (out / "films").mkdir(parents=True)
    (out / MARK).touch()
    films = [_copy(file, out / "films") for file in files] or [_phantom(out / "films")]
    settings, config = _private_settings(out)
    with _instance(settings, config, out / "log.jsonl") as process:
        console.print(f"instance  AE {settings.scp.ae_title} on 127.0.0.1:{settings.scp.port}, everything under {out}")
        _wait_for_echo(settings)
        uids = _send(films, settings, console)
        ledger, _ = open_store(settings)
        _wait_until_settled(ledger, uids, START_S + PER_FILM_S * len(films))
        reports = ledger.views.studies(uids)
        for report in reports:
            answers = ledger.views.answers(report["study_uid"])
            report["findings"] = [findings(json.loads(answer)) for _, answer in answers]
            report["pictures"] = _draw(settings, config, answers, out, report["study_uid"])
        ledger.close()
        yield reports, Instance(process, f"http://127.0.0.1:{settings.web.port}/")


def print_results(console: Console, reports: Sequence[dict[str, Any]]) -> None:
    """What came of each study."""
    for report in reports:
        console.print(f"\nstudy     {report['study_uid']}  {report['state']}  {report['reason']}", highlight=False)
        if report["probability"] is not None:
            side = "above" if report["positive"] else "below"
            console.print(
                f"AI        {report['probability']:.0%} abnormal, {side} the operating point (AI, unverified)"
            )
        print_lesions(console, report["findings"])
        for kind, outputs in report["outputs"].items():
            for item in outputs:
                console.print(f"{kind:<9} {item['path']}", soft_wrap=True, highlight=False)
        for picture in report["pictures"]:
            console.print(f"picture   {picture}", soft_wrap=True, highlight=False)


def _check(file: Path) -> None:
    """Raises SettingsError where `file` cannot be sent; before anything is removed or written."""
    try:
        ds = dcmread(file)
    except InvalidDicomError:
        raise SettingsError([f"{file} is not a DICOM file (thoraxd-model detect reads PNG and JPEG)"]) from None
    except OSError as error:
        raise SettingsError([f"{file}: {error.strerror or error}"]) from None
    if not all(ds.get(keyword) for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")):
        raise SettingsError([f"{file} is not a whole DICOM image: it ends early or names no study"])


def _copy(file: Path, folder: Path) -> Path:
    return Path(shutil.copy(file, folder / file.name))


def _phantom(folder: Path) -> Path:
    path = folder / "phantom.dcm"
    path.write_bytes(phantom_dicom())
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _private_settings(out: Path) -> tuple[Settings, Path]:
    config = out / "thoraxd.toml"
    home = json.dumps(str((out / "data").resolve()))
    config.write_text(
        f"home = {home}\n[scp]\nport = {_free_port()}\n[web]\nport = {_free_port()}\n[study]\nquiet_s = 1.0\n"
        '[archive]\nreserve_mb = 0\n[log]\nformat = "json"\n'
    )
    return load(config), config


@contextmanager
def _instance(settings: Settings, config: Path, log_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "up", "--config", str(config)],
            env=environment_for(config, settings),
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for_echo(settings: Settings) -> None:
    here = Destination(name="demo", ae_title=settings.scp.ae_title, host="127.0.0.1", port=settings.scp.port)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            return echo(here, "DEMO")
        except DestinationUnreachable:
            time.sleep(0.2)
    raise SettingsError(["the private instance did not start: see log.jsonl in its folder"])


def _send(films: Sequence[Path], settings: Settings, console: Console) -> list[str]:
    datasets = [dcmread(path) for path in films]
    uids: dict[str, None] = {}
    for path, ds in zip(films, datasets, strict=True):
        status = _store(ds, settings.scp.port)
        console.print(f"sent      {path.name}: {status}", highlight=False)
        if status == "0000":
            uids[str(ds.StudyInstanceUID)] = None
    if not uids:
        raise SettingsError(["no film was accepted"])
    return list(uids)


def _store(ds: Dataset, port: int) -> str:
    ae = AE(ae_title="DEMO")
    ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    assoc = ae.associate("127.0.0.1", port)
    if not assoc.is_established:
        return f"not accepted: {ds.SOPClassUID.name} in {ds.file_meta.TransferSyntaxUID.name}"
    try:
        answer = assoc.send_c_store(ds)
        return f"{answer.Status:04X}" if "Status" in answer else "no answer"
    finally:
        assoc.release()


def _wait_until_settled(ledger: Ledger, uids: Sequence[str], patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if all(report["state"] in SETTLED for report in ledger.views.studies(uids)):
            return
        time.sleep(0.1)
    raise SettingsError(["the analysis did not end in time: see log.jsonl in the demo's folder"])


def _draw(settings: Settings, config: Path, answers: Sequence[tuple[str, str]], out: Path, study_uid: str) -> list[str]:
    """One PNG an analysed film. The worker's code draws, in a process of its own: the daemon imports no torch."""
    pictures = [str(out / f"{study_uid}-{number}.png") for number in range(1, len(answers) + 1)]
    orders = [
        {"film": str(Path(settings.archive_url) / key), "answer": answer, "png": png}
        for (key, answer), png in zip(answers, pictures, strict=True)
    ]
    subprocess.run(
        [sys.executable, "-m", "worker.picture"],
        env=environment_for(config, settings),
        input="".join(json.dumps(order) + "\n" for order in orders),
        text=True,
        check=True,
    )
    return pictures
