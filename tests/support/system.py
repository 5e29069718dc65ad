"""A running thoraxd as an administrator would run it: its own processes, settings file, home and log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from daemon.core.states import SETTLED
from daemon.settings import Settings, load
from daemon.store.archive import Archive
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from tests.support.peers import processes, programs
from tests.support.peers.sender import associate, hang_up

ROOT = Path(__file__).resolve().parents[2]
START_S = 120.0  # torch and the weights, on a machine that is busy with something else
VERIFICATION = ("1.2.840.10008.1.1", "1.2.840.10008.1.2")


class Thoraxd:
    """`thoraxd up`, or, with workers=N, `thoraxd serve` and N Celery workers; everything lies under `folder`.

    settings: sections of thoraxd.toml over the defaults of a test: quiet_s 0.5, no disk reserve, logs as JSON.
    """

    def __init__(
        self,
        folder: Path,
        *,
        destinations: Sequence[Mapping[str, Any]] = (),
        modalities: Sequence[Mapping[str, Any]] = (),
        sources: Sequence[Mapping[str, Any]] = (),
        workers: int | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.folder, self.workers = folder, workers
        self.port, self.web_port = programs.free_port(), programs.free_port()
        self.home, self.log = folder / "data", folder / "thoraxd.log"
        self._config = folder / "thoraxd.toml"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.log.touch()
        sections: dict[str, dict[str, Any]] = {
            "scp": {"port": self.port},
            "web": {"port": self.web_port},
            "study": {"quiet_s": 0.5},
            "archive": {"reserve_mb": 0},
            "model": {"threads": 1, "picture_check": False},  # films of tests/support/builders.py are no real chests
            "log": {"format": "json", "level": "debug"},
        }
        for name, values in (settings or {}).items():
            sections.setdefault(name, {}).update(values)
        tables = [("[[destination]]", destination) for destination in destinations]
        tables += [("[[modality]]", modality) for modality in modalities]
        tables += [("[[source]]", source) for source in sources]
        self._write_config(sections, tables)
        self.settings: Settings = load(self._config)
        self.ledger = Ledger(Database(self.settings.database_url), Archive(self.settings.archive_url).path)

    def _write_config(self, sections: Mapping[str, Any], tables: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        lines = [f"home = {json.dumps(str(self.home))}"]
        for title, values in [*((f"[{name}]", values) for name, values in sections.items()), *tables]:
            # TOML writes strings, numbers, booleans and arrays of them as JSON does.
            lines += ["", title, *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        self._config.write_text("\n".join(lines) + "\n")

    @property
    def environment(self) -> dict[str, str]:
        """Of its processes: ours without any setting of thoraxd's, and the settings file."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("THORAXD_")}
        return ours | {"THORAXD_CONFIG": str(self._config), "PYTHONPATH": str(ROOT), "TCP_NODELAY": "1"}

    # Start and stop

    def start(self) -> None:
        """Start every process; returns when C-ECHO is answered and every worker has its weights."""
        ready_before = self.events("worker.ready")
        self.start_daemon()
        for number in range(self.workers or 0):
            self.start_worker(number)
        expected = 1 if self.workers is None else self.workers
        self._wait(lambda: len(self.events("worker.ready")) >= len(ready_before) + expected, "workers ready")

    def start_daemon(self, *, wait: bool = True) -> None:
        """Start `up` or `serve`; with `wait`, returns when C-ECHO is answered."""
        command = "up" if self.workers is None else "serve"
        self._processes["daemon"] = self._python("daemon", command, "--config", str(self._config))
        if wait:
            self._wait(self.answers_echo, "C-ECHO")

    def start_worker(self, number: int) -> None:
        """Start one Celery worker, as README says."""
        options = ["--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--hostname", f"w{number}@%h"]
        self._processes[f"worker-{number}"] = self._python("celery", "-A", "worker.app", "worker", *options)

    def _python(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        return programs.start([sys.executable, "-m", module, *arguments], self.log, self.environment, ROOT)

    def _wait(self, condition: Any, what: str, patience_s: float = START_S) -> None:
        def checked() -> bool:
            for name, process in self._processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended with {process.returncode}:\n{self.log.read_text()[-3000:]}")
            return bool(condition())

        programs.wait_until(checked, patience_s, what)

    def answers_echo(self) -> bool:
        """Whether somebody accepts an association for Verification."""
        if not programs.listens(self.port):
            return False
        assoc = associate(self.port, [VERIFICATION], calling="SYSTEM")
        if assoc.is_established:
            assoc.release()
            return True
        return False

    def stop(self) -> dict[str, int]:
        """End every process gracefully, workers first; exit codes by name."""
        codes = {}
        for name in sorted(self._processes, reverse=True):
            codes[name] = programs.stop(self._processes.pop(name), grace_s=60)
        return codes

    def restart(self) -> None:
        """Stop and start again."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and give back what this object itself has open."""
        self.stop()
        hang_up(self.port)
        self.ledger.close()

    def worker_is_ready(self) -> bool:
        """Whether the last worker process that reported its weights is alive."""
        owners = [str(event["owner"]) for event in self.events("worker.ready")]
        return bool(owners) and "celery" in processes.command(int(owners[-1].split(":")[1]))

    # Kill

    @property
    def daemon_pid(self) -> int:
        """The daemon's process id."""
        return self._processes["daemon"].pid

    def tree(self) -> list[int]:
        """The daemon and everything below it."""
        found = [self.daemon_pid]
        for pid in found:
            found += processes.children(pid)
        return found

    def kill_daemon(self) -> int:
        """-9; its children are told by the kernel. The pid. Call start_daemon() to have it again."""
        process = self._processes.pop("daemon")
        process.kill()
        process.wait()
        return process.pid

    def kill_worker(self, *, pool: bool = False, number: int = 0) -> int | None:
        """-9 to a worker's main process, or, with `pool`, to the one that computes. None: neither is there just now."""
        main = self._main_worker(number)
        if main is None:
            return None
        pids = (processes.children(main) if pool else []) or [main]
        return next((pid for pid in pids if processes.kill(pid)), None)

    def _main_worker(self, number: int) -> int | None:
        if self.workers is not None:
            return self._processes[f"worker-{number}"].pid
        return self._child("celery")

    def kill_redis(self) -> int | None:
        """-9 to the embedded Redis; `up` starts it again. None: not there just now."""
        pid = self._child("redis")
        return pid if pid is not None and processes.kill(pid) else None

    def _child(self, word: str) -> int | None:
        found = (pid for pid in processes.children(self.daemon_pid) if word in processes.command(pid))
        return next(found, None)

    # Look

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`thoraxd …` with this instance's settings."""
        command = [sys.executable, "-m", "daemon", *arguments, "--config", str(self._config)]
        return subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)

    def studies(self) -> list[dict[str, Any]]:
        """What `thoraxd studies --json` says."""
        done = self.cli("studies", "--json", "--limit", "0")
        if done.returncode:
            raise RuntimeError(done.stderr or done.stdout)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def reports(self, study_uids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The same reports straight from the ledger, by study: quicker than a program start."""
        return {report["study_uid"]: report for report in self.ledger.views.studies(list(study_uids))}

    def report(self, study_uid: str) -> dict[str, Any]:
        """One study's report."""
        return self.reports([study_uid])[study_uid]

    def wait_settled(self, study_uids: Sequence[str], patience_s: float = 60.0) -> dict[str, dict[str, Any]]:
        """Until all of these are in a final state; REPORTED is not final where there are destinations."""
        final = SETTLED - ({"REPORTED"} if self.settings.destination else set())

        def settled() -> bool:
            reports = self.reports(study_uids)
            return len(reports) == len(set(study_uids)) and all(item["state"] in final for item in reports.values())

        self._wait(settled, "studies settled", patience_s)
        return self.reports(study_uids)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The log's events of one name, in order."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if f'"{name}"' in line]
        return [event for event in map(_event, lines) if event.get("event") == name]

    def logs(self) -> list[Path]:
        """Every log that this instance has written."""
        return [self.log, *self.home.rglob("*.log")]


def _event(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
