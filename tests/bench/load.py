"""The films of the acceptance runs: originals as they lie, and radiographs wrapped as DX and CR, one study each.

A load is made once into a folder with a manifest, from a seed, and is used again when the folder is given again.
"""

from __future__ import annotations

import csv
import json
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from tests.support.builders import wrap_film, write

COMPRESSED = (
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    JPEG2000,
    RLELossless,
)
NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
MANIFEST = "load.json"
# Radiographs that lie upside down in their own data set (looked at): rightly not answered.
UPSIDE_DOWN = frozenset({"03f075e3-c8e8-4401-882e-645ad489926f.jpg"})
# Parts of names in the odd files that name nobody and that a log may hold for another reason.
PLACEHOLDERS = frozenset({"anonymous", "anonymized", "test", "signed", "modality"})


@dataclass(frozen=True, slots=True)
class Film:
    """One file to send. chest: it is a frontal human chest, so it must be answered; anything else must not.

    identifiers: what in its header names the patient or the visit, and must appear in no log.
    """

    path: str
    sop_uid: str
    study_uid: str
    chest: bool
    identifiers: tuple[str, ...]


def prepare(data: Path, folder: Path, wrapped: int, seed: int) -> list[Film]:
    """All originals of `data`/dicom and `wrapped` radiographs in `folder`, made if they are not there yet."""
    manifest = folder / MANIFEST
    if manifest.exists():
        kept = json.loads(manifest.read_text())
        if kept["wrapped"] == wrapped and kept["seed"] == seed:
            return [Film(**film | {"identifiers": tuple(film["identifiers"])}) for film in kept["films"]]
    folder.mkdir(parents=True, exist_ok=True)
    films = [*originals(data), *wrap_some(data, folder, wrapped, seed)]
    content = {"wrapped": wrapped, "seed": seed, "films": [asdict(film) for film in films]}
    manifest.write_text(json.dumps(content, indent=1))
    return films


def originals(data: Path) -> Iterator[Film]:
    """Every file below `data`/dicom; which of the odd ones are frontal human chests its catalogue says."""
    with (data / "dicom" / "CATALOG.csv").open(encoding="utf-8") as file:
        catalogue = {row["file"]: row["what"] for row in csv.DictReader(file)}
    for path in sorted((data / "dicom").rglob("*.dcm")):
        chest = path.parent.name == "rsna" or catalogue[path.name].startswith("human chest")
        yield described(path, chest)


def described(path: Path, chest: bool) -> Film:
    """A file, by its own header."""
    ds = dcmread(path, stop_before_pixels=True)
    return Film(str(path), str(ds.SOPInstanceUID), str(ds.StudyInstanceUID), chest, tuple(identifiers(ds)))


def identifiers(ds: Dataset) -> Iterator[str]:
    """Name, its components of three letters or more, ID, birth date, accession number; placeholders are none."""
    name = str(ds.get("PatientName") or "")
    parts = {part for group in name.split("=") for part in group.replace("^", " ").split()}
    values = {name, *parts, *(str(ds.get(key) or "") for key in ("PatientID", "PatientBirthDate", "AccessionNumber"))}
    yield from sorted(value for value in values if len(value) > 3 and value.lower() not in PLACEHOLDERS)


def wrap_some(data: Path, folder: Path, count: int, seed: int) -> Iterator[Film]:
    """`count` radiographs of nih/ and rsna/ in turn: half MONOCHROME1, half compressed, half DX, all syntaxes."""
    dice = random.Random(seed)
    chosen = [dice.sample(_radiographs(data / name), count) for name in ("nih", "rsna")]
    for number in range(count):
        image, view = chosen[number % 2][number]
        name = f"film{number:04d}"
        ds = wrap_film(
            image,
            sop_class="DX" if number // 2 % 2 else "CR",
            photometric="MONOCHROME1" if number // 4 % 2 else "MONOCHROME2",
            view=view,
            transfer_syntax=_syntax(number // 8, compressed=number // 8 % 2 == 1),
            bits_stored=_depth(number),
            study_uid=_uid(seed, name, "study"),
            series_uid=_uid(seed, name, "series"),
            sop_uid=_uid(seed, name, "image"),
            patient_name=f"ZZPATIENT{number:04d}^ZZNAME{number:04d}",
            patient_id=f"ZZID{number:04d}",
            PatientBirthDate=f"19{10 + number % 80}{1 + number % 12:02d}{1 + number % 28:02d}",
            AccessionNumber=f"ZZACC{number:04d}",
        )
        yield described(write(ds, folder / f"{name}.dcm"), chest=image.name not in UPSIDE_DOWN)


def _radiographs(folder: Path) -> list[tuple[Path, str]]:
    """(file, view) of the films of 1024 pixels."""
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] != "sarang256" and row["view"] in ("PA", "AP")]
    return [(folder / "images" / row["image"], row["view"]) for row in rows]


def _syntax(number: int, *, compressed: bool) -> str:
    kinds: Sequence[str] = COMPRESSED if compressed else NATIVE
    return kinds[number // 2 % len(kinds)]


def _depth(number: int) -> int:
    """JPEG baseline holds 8 bits; the others take turns."""
    baseline = _syntax(number // 8, compressed=number // 8 % 2 == 1) == JPEGBaseline8Bit
    return 8 if baseline else (8, 12, 16)[number % 3]


def _uid(*parts: object) -> str:
    """A UID derived from a UUID (PS3.5 B.2), the same for the same parts."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(map(str, parts))).int}"
