"""`thoraxd show --png` and `python -m worker.render` as processes, on a real ledger and archive."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from daemon.core.records import NewOutput, ReceivedInstance
from daemon.core.states import JobState
from daemon.settings import load
from daemon.store import migrate
from daemon.store.archive import Archive, key_for
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from tests.support.drawings import amber, file_of, lines, make_film
from tests.support.reports import digest_of, make_findings, make_request, reread
from worker.encode import Encoded, SourceImage, encode

STUDY, BOX = "1.2.3", (60.0, 80.0, 160.0, 200.0)
FORMS = ("sr", "gsps", "sc", "kos")


@pytest.fixture(scope="module")
def films() -> list[Dataset]:
    """Two films of one study, the second with pixels twice as high as wide."""
    films = [make_film(rows=300, columns=240, study_uid=STUDY, pixel_spacing=(tall, 0.2)) for tall in (0.2, 0.4)]
    films[1].InstanceNumber = 2
    return films


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, films: list[Dataset]) -> Path:
    """A home with the study, analysed and reported in four forms."""
    home = tmp_path_factory.mktemp("home")
    (home / "thoraxd.toml").write_text(f'home = "{home}"\n')
    settings = load(home / "thoraxd.toml")
    database, archive = Database(settings.database_url), Archive(settings.archive_url)
    migrate.upgrade(database.engine)
    ledger = Ledger(database)
    images = []
    for film in films:
        ledger.intake.record(received(film, archive), 100.0)
        found = make_findings(BOX, width=240, height=300)
        images.append(SourceImage(reread(file_of(film)), digest_of(film), found, picture=picture))
    ledger.settling.complete(ledger.settling.receiving(), 103.0)
    for job_id, _ in ledger.jobs.take_unsent(103.0, 20.0, 64):
        job = ledger.jobs.claim(job_id, "w", 103.0, 15.0, 5)
        answer = json.dumps({"findings": {"probability": 0.9, "lesions": []}, "identity": dict.fromkeys(
            ("name", "version", "digest"), "x")})  # fmt: skip
        assert job and ledger.jobs.finish_analysis(
            job, "w", JobState.DONE, 104.0, answer=answer, probability=0.9, positive=True
        )
    ledger.settling.close_answered(104.0)
    ((job_id, _),) = ledger.jobs.take_unsent(104.0, 20.0, 64)
    job = ledger.jobs.claim(job_id, "w", 104.0, 15.0, 5)
    assert job
    made = [encoded for form in FORMS for encoded in encode(make_request(*images), form)]
    assert ledger.jobs.finish_report(job, "w", [archived(item, archive) for item in made], 104.0)
    database.close()
    return home


def picture() -> np.ndarray:
    return np.full((300, 240), 0.5, dtype=np.float32)


def received(film: Dataset, archive: Archive) -> ReceivedInstance:
    content = file_of(film)
    digest = hashlib.sha256(content).hexdigest()
    key = key_for(STUDY, film.SOPInstanceUID, digest)
    archive.write(key, content)
    uids = (str(film.SeriesInstanceUID), str(film.SOPInstanceUID), str(film.SOPClassUID))
    return ReceivedInstance(STUDY, *uids, "1.2.840.10008.1.2.1", key, digest, len(content), "CR1", "ELIGIBLE", "")


def archived(item: Encoded, archive: Archive) -> NewOutput:
    content, ds = item.to_bytes(), item.dataset
    digest = hashlib.sha256(content).hexdigest()
    key = key_for(STUDY, ds.SOPInstanceUID, digest)
    archive.write(key, content)
    uids = (str(ds.SOPInstanceUID), str(ds.SeriesInstanceUID), str(ds.SOPClassUID))
    about = (item.kind, item.profile, item.marking, item.source_sop_uid)
    return NewOutput(*uids, *about, key, digest)


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)], capture_output=True, text=True, check=False, timeout=120
    )


def show(home: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return run("daemon", "show", STUDY, "--config", home / "thoraxd.toml", *options)


@pytest.mark.parametrize("form", [None, "gsps", "sr"])
def test_show_draws_each_image_of_the_study_with_its_marks(
    form: str | None, home: Path, films: list[Dataset], tmp_path: Path
) -> None:
    done = show(home, "--png", tmp_path / "out", *(("--form", form) if form else ()))

    assert done.returncode == 0, done.stderr
    for film in films:
        path = tmp_path / "out" / f"{film.SOPInstanceUID}.png"
        assert str(path) in done.stdout
        rows, columns = lines(amber(np.asarray(Image.open(path))), 60)
        assert (len(rows), len(columns)) == (2, 2)
        shape = (rows[1] - rows[0]) / (columns[1] - columns[0])
        assert shape == pytest.approx(120 / 100 * film.PixelSpacing[0] / 0.2, rel=0.02)


def test_show_says_in_json_what_each_picture_is_drawn_from(home: Path, films: list[Dataset], tmp_path: Path) -> None:
    report = json.loads(show(home, "--json", "--png", tmp_path / "out", "--form", "sc").stdout)

    made = {item["sop_uid"]: item["source_sop_uid"] for item in report["outputs"]["sc"]}
    assert {item["object"]: item["image"] for item in report["pictures"]} == made
    assert all(Path(item["path"]).is_file() and item["notes"] == [] for item in report["pictures"])


@pytest.mark.parametrize("name", ["kos", "kos.png"])
def test_a_form_that_is_one_for_the_study_becomes_one_file(name: str, home: Path, tmp_path: Path) -> None:
    done = show(home, "--png", tmp_path / name, "--form", "kos")

    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kos.png"]


def test_a_form_that_the_study_does_not_have_is_an_error(home: Path, tmp_path: Path) -> None:
    done = show(home, "--png", tmp_path / "x", "--form", "chest-cad-sr")

    assert (done.returncode, done.stderr.strip()) == (1, "the study has no chest-cad-sr to draw")


def test_the_program_draws_an_object_of_several_images_into_a_folder(
    home: Path, films: list[Dataset], tmp_path: Path
) -> None:
    sr, *images = write_all(tmp_path, films)

    done = run("worker.render", sr, *images, "--out", tmp_path / "sr.png", "--size", "240x300")

    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == sorted(str(tmp_path / "sr" / f"{film.SOPInstanceUID}.png") for film in films)


def write_all(folder: Path, films: list[Dataset]) -> list[Path]:
    """The SR of the films and the films, as files."""
    images = [SourceImage(reread(file_of(f)), digest_of(f), make_findings(BOX, width=240, height=300)) for f in films]
    (sr,) = encode(make_request(*images), "sr")
    contents = [sr.to_bytes(), *map(file_of, films)]
    paths = [folder / f"{number}.dcm" for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content[: len(content) // 2], "Pixel Data holds"),
        (lambda content: b"not DICOM at all", "not a DICOM file"),
    ],
)
def test_a_broken_file_is_a_reason_and_no_traceback(
    spoil: Callable[[bytes], bytes], reason: str, films: list[Dataset], tmp_path: Path
) -> None:
    sr, image, _ = write_all(tmp_path, films)
    image.write_bytes(spoil(image.read_bytes()))

    done = run("worker.render", sr, image, "--out", tmp_path / "x.png")

    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr and "Traceback" not in done.stderr
