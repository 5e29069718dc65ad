"""How long a rendered image takes, beside Orthanc's DICOMweb plug-in: the same films, the same requests, in turn.

`make rendered`. Films: one of 10 MB made on the spot in four transfer syntaxes, and the real ones of the data folder.
Both servers answer over loopback with one connection each; the first answer of each request is not counted. What is
kept between answers is named, not hidden: thoraxd keeps thumbnails in memory, Orthanc keeps decoded instances.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import httpx
import numpy as np
import typer
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless, generate_uid
from rich.console import Console

from tests.support.builders import compress, make_cxr, make_thorax_pixels
from tests.support.peers.orthanc import orthanc
from tests.support.peers.sender import send
from tests.support.system import ROOT, Thoraxd

DATA = ROOT.parent / "shared" / "data" / "dicom"
NO_BROKER = {"broker": {"url": "redis://127.0.0.1:1/0"}}  # nothing is to be analysed
ROWS, COLUMNS = 2544, 2048  # 16 bits: 10.4 MB
SYNTAXES = {
    "native": ExplicitVRLittleEndian,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
    "RLE": RLELossless,
}
# Accept and query; the commas stay as they are, since Orthanc reads no percent-encoded ones.
REQUESTS: Mapping[str, tuple[str, str]] = {
    "whole, JPEG": ("image/jpeg", ""),
    "whole, PNG": ("image/png", ""),
    "800 x 800": ("image/jpeg", "?viewport=800,800"),
    "window": ("image/jpeg", "?window=2000,1500,linear"),
    "128 x 128": ("image/jpeg", "?viewport=128,128"),
}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def films(data: Path) -> dict[str, Dataset]:
    """By name; each a study of its own."""
    noise = np.random.default_rng(5).normal(0, 0.004, (ROWS, COLUMNS))
    picture = np.clip(make_thorax_pixels(ROWS, COLUMNS) + noise, 0, 1)
    native = make_cxr(pixels=picture)
    found = {f"10 MB {name}": compress(native, syntax) for name, syntax in SYNTAXES.items()}
    for path in sorted(data.glob("*.dcm")) if data.is_dir() else ():
        found[path.stem] = dcmread(path)
    for film in found.values():
        film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
        film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return found


def answer(client: httpx.Client, film: Dataset, what: tuple[str, str]) -> tuple[float, str]:
    """Seconds of one request, and what came: a size, or a status."""
    place = f"studies/{film.StudyInstanceUID}/series/{film.SeriesInstanceUID}/instances/{film.SOPInstanceUID}/rendered"
    started = time.perf_counter()
    got = client.get(f"{place}{what[1]}", headers={"Accept": what[0]})
    seconds = time.perf_counter() - started
    return seconds, f"{len(got.content) / 1000:.0f} kB" if got.status_code == 200 else str(got.status_code)


def compared(clients: Sequence[httpx.Client], film: Dataset, repeats: int) -> list[list[str]]:
    """A row for each request: its name, and p50 and what came, server by server."""
    rows = []
    for name, what in REQUESTS.items():
        times: list[list[float]] = [[] for _ in clients]
        came = [answer(client, film, what)[1] for client in clients]
        for _ in range(repeats):
            for seconds, client in zip(times, clients, strict=True):
                seconds.append(answer(client, film, what)[0])
        shown = [
            f"{1000 * statistics.median(seconds):.0f} ms ({what})" for seconds, what in zip(times, came, strict=True)
        ]
        rows.append([name, *shown])
    return rows


@app.command()
def main(data: Annotated[Path, typer.Option()] = DATA, repeats: int = 5) -> None:
    """Print a line for each film and request: p50 and what came, of thoraxd and of Orthanc."""
    console = Console(width=140)
    with (
        tempfile.TemporaryDirectory() as folder,
        Thoraxd(Path(folder) / "thoraxd", workers=0, settings=NO_BROKER) as ours,
        orthanc(Path(folder) / "orthanc", dicomweb=True) as theirs,
    ):
        urls = (f"http://127.0.0.1:{ours.web_port}/dicom-web/", f"{theirs.url}/dicom-web/")
        clients = [httpx.Client(base_url=url, timeout=120) for url in urls]
        for name, film in films(data).items():
            if send(ours.port, [film]) != [0x0000] or send(theirs.dicom_port, [film]) != [0x0000]:
                console.print(f"{name}: not taken by both")
                continue
            for request, *shown in compared(clients, film, repeats):
                line = "".join(f"{column:>24}" for column in shown)
                console.print(f"{name:<24}{request:<14}{line}", highlight=False)
        for client in clients:
            client.close()


if __name__ == "__main__":
    app()
