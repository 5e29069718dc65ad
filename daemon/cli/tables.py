"""Reports for a person's eyes (rich)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.core.priority import percent

if TYPE_CHECKING:
    from daemon.cli.check import Result
    from daemon.store.pulls import Pulled

_STYLE = {
    "DELIVERED": "green", "COMMITTED": "green", "SENT": "green", "DONE": "green", "REPORTED": "green",
    "FAILED": "red", "DEAD": "red", "QUARANTINED": "red",
    "SET_ASIDE": "yellow", "REJECTED": "yellow", "WITHDRAWN": "yellow",
    "PENDING": "cyan", "WAITING": "cyan", "DELIVERING": "cyan", "ANALYSING": "cyan",
}  # fmt: skip


def _state(state: str) -> Text:
    return Text(state, style=_STYLE.get(state, ""))


def _percent(value: float | None) -> str:
    return "" if value is None else percent(value)


def _time(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _plain(*titles: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def checks(results: Sequence[Result]) -> Table:
    """One line a check."""
    table = _plain("", "what", "how it is")
    for result in results:
        mark = Text("ok", style="green") if result.ok else Text("no", style="red")
        table.add_row(mark, result.name, Text(result.detail))
    return table


def studies(reports: Sequence[dict[str, Any]]) -> Table:
    """One line a study."""
    table = _plain("received", "study", "state", "AI", "delivered", "reason")
    for report in reports:
        sent = "  ".join(
            f"{line['destination']} {line['state']}, attempts {line['attempts']}" for line in report["deliveries"]
        )
        table.add_row(
            _time(report["received_at"]),
            report["study_uid"],
            _state(report["state"]),
            Text(_percent(report["probability"]), style="bold red" if report["positive"] else ""),
            sent,
            Text(report["reason"]),
        )
    return table


def feedback(given: Sequence[dict[str, Any]]) -> Table:
    """One line a verdict."""
    table = _plain("given", "study", "film", "lesion", "verdict", "reader", "revision", "model")
    for item in given:
        table.add_row(
            _time(item["given_at"]),
            item["study_uid"],
            item["sop_uid"] or "all",
            str(item["lesion"] or ""),
            item["verdict"],
            Text(item["reader"]),
            str(item["revision"]),
            item["model"][:12],
        )
    return table


def pulls(found: Sequence[Pulled]) -> Table:
    """One line a study that was pulled."""
    table = _plain("study", "why", "state", "instances", "attempts", "reason")
    for item in found:
        instances = "" if item.expected is None else f"{item.fetched} of {item.expected}"
        cells = (_state(item.state), instances, str(item.attempts), Text(item.reason))
        table.add_row(item.study_uid, item.why, *cells)
    return table


def orders(told: Sequence[dict[str, Any]]) -> Table:
    """One line an order."""
    table = _plain("received", "sent", "by", "control", "urgency", "studies")
    for item in told:
        table.add_row(
            _time(item["received_at"]),
            _time(item["message_at"]),
            Text(item["sender"]),
            Text(item["control"], style="" if item["stands"] else "dim"),
            item["urgency"],
            "\n".join(item["studies"]),
        )
    return table


def dead_letters(letters: Sequence[dict[str, Any]]) -> Table:
    """One line an object that did not arrive."""
    table = _plain("queued", "study", "to", "output", "object", "state", "attempts", "status", "reason")
    for item in letters:
        table.add_row(
            _time(item["created_at"]),
            item["study_uid"],
            item["destination"],
            item["output"],
            item["sop_uid"],
            _state(item["state"]),
            str(item["attempts"]),
            item["status"] or "",
            Text(item["reason"]),
        )
    return table


def print_lesions(console: Console, findings: Sequence[dict[str, Any]]) -> None:
    """The lesions that a reader is shown, a line each; boxes in pixels of the film."""
    for number, found in enumerate(findings, start=1):
        film = f"film {number}: " if len(findings) > 1 else ""
        for lesion in (item for item in found["lesions"] if item["shown"]):
            box = ", ".join(f"{edge:.0f}" for edge in lesion["box"])
            what = f"{lesion['label']} {_percent(lesion['probability'])}"
            console.print(f"lesion    {film}{what} at ({box})", highlight=False)


def findings(answer: dict[str, Any]) -> dict[str, Any]:
    """What a worker found in one image; its heat map is in the Parametric Map, not in a report for the terminal."""
    return {name: value for name, value in answer["findings"].items() if name != "heat"}


def weights(identity: dict[str, Any]) -> str:
    """Which weights gave an answer, in a line."""
    return f"{identity['name']} {identity['version']} ({identity['digest'][:12]})"


def print_study(console: Console, report: dict[str, Any]) -> None:
    """All about one study."""
    console.print(f"study     {report['study_uid']}  (revision {report['revision']})", highlight=False)
    console.print(Text("state     ").append_text(_state(report["state"])), Text(report["reason"]))
    outcome = {True: "above the operating point", False: "below the operating point", None: ""}[report["positive"]]
    console.print(f"AI        {_percent(report['probability']) or '-'}  {outcome}  (AI, unverified)", highlight=False)
    for model in report["models"]:
        console.print(f"by        {model}", highlight=False, markup=False)
    console.print(f"received  {_time(report['received_at'])}   settled {_time(report['settled_at'])}", highlight=False)
    images = _plain("image", "state", "seconds", "reason")
    for item in report["instances"]:
        seconds = "" if item["seconds"] is None else f"{item['seconds']:.2f}"
        images.add_row(item["sop_uid"], _state(item["state"]), seconds, Text(item["reason"]))
    console.print(images)
    print_lesions(console, report["findings"])
    for kind, outputs in report["outputs"].items():
        results = _plain(f"{kind} (revision)", "where it lies")
        for item in outputs:
            what = " ".join(
                [item["profile"] or kind, *([] if item["marking"] else ["triage only"]), f"({item['revision']})"]
            )
            results.add_row(f"{what} withdrawn" if item["withdrawn"] else what, item["path"])
        console.print(results)
    if report.get("objects"):
        deliveries = _plain("to", "output", "object", "state", "attempts", "status", "next", "reason")
        for item in report["objects"]:
            cells = (str(item["attempts"]), item["status"] or "", _time(item["next_at"])[11:], Text(item["reason"]))
            deliveries.add_row(item["destination"], item["output"], item["sop_uid"], _state(item["state"]), *cells)
        console.print(deliveries)
