"""Forty DICOMweb requests to thoraxd and to Orthanc's plug-in: every answer side by side, every difference explained.

Writes the table to docs/dicomweb-beside-orthanc.md. Exit 1 where a difference is not explained in EXPLAINED.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import typer
from pydicom.datadict import keyword_for_tag

from tests.bench.beside_orthanc.explained import EXPLAINED
from tests.bench.beside_orthanc.films import Films, make_films
from tests.bench.beside_orthanc.requests import afterwards, retrieving, searching, storing
from tests.bench.beside_orthanc.wire import Answer, Ask, ask
from tests.bench.runs import console, end
from tests.support.peers.orthanc import orthanc
from tests.support.system import ROOT, Thoraxd

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
UIDS = ("0020000D", "0020000E", "00080018")
OWN = {"00081190", "00080054", "00080201", "00080056"}  # where and when the server is: different by nature


@dataclass(frozen=True, slots=True)
class Row:
    """One request's two answers; `values`: how the attributes of the same object differ."""

    what: str
    request: str
    ours: Answer
    theirs: Answer
    values: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether a client could not tell them apart."""
        return self.ours == self.theirs and not self.values


def compared(ours: str, theirs: str, films: Films) -> Iterator[Row]:
    """Every request to both, in order."""
    with httpx.Client(timeout=60) as client:
        for request in storing(films):
            yield _row(client, ours, theirs, request)
        for base in (ours, theirs):
            ask(client, base, afterwards(films))
        for request in (*searching(films), *retrieving(films)):
            yield _row(client, ours, theirs, request)


def _row(client: httpx.Client, ours: str, theirs: str, request: Ask) -> Row:
    one, body, kind = ask(client, ours, request)
    other, their_body, _ = ask(client, theirs, request)
    values: tuple[str, ...] = ()
    if "json" in kind and one.status == other.status == 200 and request.method == "GET":
        values = tuple(_different(json.loads(body), json.loads(their_body or b"[]")))
    return Row(request.what, f"{request.method} {request.path}", one, other, values)


def _different(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[str]:
    """Attributes of the same object that only one gives, or with different values, by keyword."""
    other = {_key(item): item for item in theirs}
    pairs = [(item, other[_key(item)]) for item in ours if _key(item) in other]
    both = {
        tag for one, two in pairs for tag in (one.keys() & two.keys()) - OWN if _plain(one[tag]) != _plain(two[tag])
    }
    only = {"ours alone": set[str](), "theirs alone": set[str]()}
    for one, two in pairs:
        only["ours alone"] |= one.keys() - two.keys() - OWN
        only["theirs alone"] |= two.keys() - one.keys() - OWN
    named = {"other values": both, **only}
    return [f"{how}: {', '.join(sorted(map(_keyword, tags)))}" for how, tags in named.items() if tags]


def _keyword(tag: str) -> str:
    return keyword_for_tag(tag) or tag


def _key(item: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(item.get(tag, {}).get("Value", [""])[0]) for tag in UIDS)


def _plain(element: dict[str, Any]) -> Any:
    """The values, numbers and their texts alike, without where bulk data is."""
    return json.dumps([_number(value) for value in element.get("Value", [])], sort_keys=True)


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = ["| # | request | thoraxd | Orthanc | |", "|---|---|---|---|---|"]
    for number, row in enumerate(rows, 1):
        differing = f" ({'; '.join(row.values)})" if row.values else ""
        verdict = "same" if row.same else EXPLAINED.get(row.what, "**not explained**") + differing
        lines.append(f"| {number} | {row.what} | {row.ours} | {row.theirs} | {verdict} |")
    return "\n".join(lines)


@contextmanager
def servers(folder: Path) -> Iterator[tuple[str, str]]:
    """The base URLs of a fresh thoraxd and of a fresh Orthanc."""
    with orthanc(folder / "orthanc", dicomweb=True) as peer, Thoraxd(folder / "thoraxd") as system:
        yield f"http://127.0.0.1:{system.web_port}/dicom-web", f"{peer.url}/dicom-web"


@app.command()
def main(out: Path = ROOT / "docs" / "dicomweb-beside-orthanc.md") -> None:
    """Ask, compare, write."""
    with TemporaryDirectory() as folder, servers(Path(folder)) as (ours, theirs):
        rows = list(compared(ours, theirs, make_films()))
    same = sum(row.same for row in rows)
    out.write_text(
        "# DICOMweb: thoraxd beside Orthanc's plug-in\n\n"
        f"`make beside-orthanc` sends the same {len(rows)} requests to both (Debian's orthanc-dicomweb 1.7) and "
        f"compares what a client makes of the answers. {same} are the same; the others differ for the reason in the "
        "last column.\n\n"
        f"{table(rows)}\n"
    )
    console.print(out.read_text(), markup=False)
    unexplained = [
        f"{row.what}: {row.ours} | {row.theirs}" for row in rows if not row.same and row.what not in EXPLAINED
    ]
    end(unexplained, "every difference from Orthanc's answers is explained")


if __name__ == "__main__":
    app()
