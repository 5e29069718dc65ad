from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from model.calibration import Calibration
from model.checkpoint import Checkpoint, save, tensors_of
from model.detector import Detector
from model.network import LesionNet, NetworkConfig
from model.train.readers import FilmUnreadable, film_size
from model.train.readers import read_film as detector_film
from tests.support.builders import make_cxr, make_thorax_pixels, write
from worker.model_cli import app
from worker.pixels import PixelsUnreadable, TruncatedPixels, read_film

PICTURE = make_thorax_pixels(240, 200, seed=5)


def run(*arguments: object):
    return CliRunner().invoke(app, ["detect", *map(str, arguments), "--device", "cpu"])


def lines(result) -> list[dict]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def films(tmp_path):
    """The same picture as DICOM, 8- and 16-bit PNG, colour PNG and JPEG, and a file that is no film."""
    grey = np.rint(PICTURE * 255).astype(np.uint8)
    write(make_cxr(pixels=PICTURE, photometric="MONOCHROME1", bits_stored=16), tmp_path / "a.dcm")
    Image.fromarray(grey).save(tmp_path / "b.png")
    Image.fromarray(np.rint(PICTURE * 65535).astype(np.uint16)).save(tmp_path / "c.png")
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "d.png")
    Image.fromarray(np.dstack([grey, grey, grey, np.full_like(grey, 255)]), "RGBA").save(tmp_path / "e.png")
    Image.fromarray(grey).save(tmp_path / "f.jpg", quality=95)
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "g.jpg", quality=95, progressive=True)
    (tmp_path / "h.txt").write_text("no film")
    return tmp_path


def test_every_kind_of_file_gives_nearly_the_same_image(films):
    for name in ("a.dcm", "b.png", "c.png", "d.png", "e.png", "f.jpg", "g.jpg"):
        image = read_film(films / name).image
        assert image.dtype == np.float32
        assert np.abs(image - PICTURE).max() < 0.03, name


def test_json_is_one_line_a_file_in_the_order_given(films):
    names = ["c.png", "a.dcm", "f.jpg"]
    result = run(*(films / name for name in names), "--json")
    assert result.exit_code == 0
    found = lines(result)
    assert [line["file"] for line in found] == [str(films / name) for name in names]
    for line in found:
        assert list(line) == ["file", "probability", "lesions", "model", "seconds"]
        assert 0 <= line["probability"] <= 1
        for lesion in line["lesions"]:
            assert list(lesion) == ["box", "probability", "label", "shown"]
            x0, y0, x1, y1 = lesion["box"]
            assert 0 <= x0 < x1 <= 200
            assert 0 <= y0 < y1 <= 240


def test_the_answer_is_the_detectors_own(films):
    findings = Detector.load(None, "cpu").detect(read_film(films / "b.png").image)
    (line,) = lines(run(films / "b.png", "--json"))
    assert line["probability"] == findings.probability
    assert [tuple(lesion["box"]) for lesion in line["lesions"]] == [lesion.box for lesion in findings.lesions]


def test_a_file_that_cannot_be_read_gives_its_error_and_the_others_are_done(films):
    result = run(films / "h.txt", films / "missing.dcm", films / "b.png", "--json")
    assert result.exit_code == 1
    bad, missing, good = lines(result)
    assert list(bad) == list(missing) == ["file", "error"]
    assert bad["error"] == "not a DICOM, PNG or JPEG file"
    assert missing["error"] == "No such file or directory"
    assert "probability" in good


def test_the_models_tools_read_the_same_films_as_detect(films):
    assert CliRunner().invoke(app, ["bench", "--help"]).exit_code == 0  # any command hands the reader over
    for name in ("a.dcm", "b.png", "c.png", "d.png", "f.jpg"):
        found = detector_film(films / name)
        assert film_size(films / name) == (200, 240) and found.shape == (240, 200), name
        assert np.abs(found - found.mean() - 255 * (PICTURE - PICTURE.mean())).max() < 9, name
    for read in (detector_film, film_size):
        with pytest.raises(FilmUnreadable, match=r"h\.txt cannot be read: .*DICOM"):
            read(films / "h.txt")
    whole = (films / "a.dcm").read_bytes()
    (films / "a.dcm").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FilmUnreadable):
        detector_film(films / "a.dcm")


def test_a_folder_of_dicom_files_is_trained_on_and_its_weights_detect(tmp_path):
    folder, work = tmp_path / "ours", tmp_path / "work"
    (folder / "images").mkdir(parents=True)
    rows = ["image,labels,fold"]
    for row in range(30):
        ds = make_cxr(pixels=make_thorax_pixels(160, 128, seed=row), photometric=f"MONOCHROME{1 + row % 2}")
        write(ds, folder / "images" / f"{row}.dcm")
        rows.append(f"{row}.dcm,{'Normal' if row % 2 else 'Mass'},{row % 5}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    small = NetworkConfig(side=64, stem=4, widths=(4, 6, 8, 10), blocks=(1, 1, 1, 1), map_width=6)
    start = tmp_path / "start.safetensors"
    save(start, Checkpoint("small", "1", small, tensors_of(LesionNet(small)), Calibration(), ""))
    command = ["train", folder, "--work", work, "--films", 32, "--threads", 1, "--device", "cpu"]
    command += ["--from", start]
    result = CliRunner().invoke(app, list(map(str, command)))
    assert result.exit_code == 0, result.output
    assert "24 films to train on (12 normal, 0 with boxes), 6 left out" in result.stdout
    assert "not calibrated on your films: 20 normal and 20 abnormal films are needed, 3 and 3" in result.stdout
    assert (work / "curve.png").read_bytes()[:4] == b"\x89PNG"
    (line,) = lines(run(folder / "images" / "3.dcm", "--json", "--weights", work / "detector.safetensors"))
    assert "+own" in line["model"] and 0 <= line["probability"] <= 1
    (folder / "images" / "4.dcm").unlink()
    again = CliRunner().invoke(app, list(map(str, command)))
    assert again.exit_code == 2 and "labels.csv, line 6: " in again.stderr and "4.dcm is missing" in again.stderr


def test_the_shipped_recipe_says_which_of_its_folders_are_missing(tmp_path):
    result = CliRunner().invoke(app, ["reproduce", str(tmp_path), "--work", str(tmp_path / "work")])
    assert result.exit_code == 2 and result.stderr.count("is missing: the recipe needs rsna, nih, nih128") == 3


def test_without_json_a_table_is_printed(films):
    result = run(films / "b.png", films / "h.txt")
    assert result.exit_code == 1
    assert "probability" in result.stdout
    assert "not a DICOM" in result.stdout


def test_weights_that_are_none_end_with_status_2(films):
    result = run(films / "b.png", "--weights", films / "h.txt")
    assert result.exit_code == 2
    assert "cannot be loaded" in result.stderr


def test_the_models_own_commands_are_mounted_beside_detect():
    text = CliRunner().invoke(app, ["--help"]).stdout
    for command in ("train", "reproduce", "evaluate", "calibrate", "bench", "detect"):
        assert command in text


@pytest.mark.parametrize("name", ["b.png", "f.jpg", "g.jpg"])
def test_a_truncated_picture_is_an_error(films, name):
    path = films / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PixelsUnreadable):
        read_film(path)


def test_a_jpeg_that_was_cut_and_closed_is_truncated(films):
    whole = (films / "f.jpg").read_bytes()
    (films / "f.jpg").write_bytes(whole[: len(whole) // 2].rstrip(b"\xff") + b"\xff\xd9")
    with pytest.raises(TruncatedPixels):
        read_film(films / "f.jpg")
