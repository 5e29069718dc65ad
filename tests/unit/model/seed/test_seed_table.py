"""Judging a mode, and the figures of the table, from films on disk to Markdown."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from model.cli import app
from model.seed.judge import SeedReading, larger, readings
from model.seed.run import NotTrained, Settings, load_network, read_image, seed_run, settings_of
from model.seed.table import BEGIN, END, Entry, hits, patch_accuracy, placed, recall, row, table
from model.train.cache import read_film
from tests.unit.model.conftest import drawn_film


def reading(index: int, normal: bool, score: float, **more) -> SeedReading:
    lesions = [] if normal else [[0.2, 0.2, 0.4, 0.4]]
    return SeedReading(f"rsna/{index}", f"patient:{index}", normal, score, [0.2, 0.2, 0.4, 0.38], lesions, **more)


def test_calling_everything_normal_is_right_in_75_percent_of_patches():
    found = [reading(0, False, 1, positive=[-1.0] * 3, near=[-1.0] * 5), reading(1, True, 0, far=[-1.0] * 7)]
    assert patch_accuracy(found) == pytest.approx(0.75)


def test_negatives_beside_a_lesion_weigh_half_of_those_in_normal_films():
    found = [reading(0, False, 1, positive=[1.0], near=[1.0] * 9), reading(1, True, 0, far=[-1.0])]
    assert patch_accuracy(found) == pytest.approx(0.25 + 0.5)


def test_the_strict_recall_counts_normals_below_the_lowest_abnormal_score():
    found = [reading(i, False, 2.0 + i) for i in range(5)] + [reading(9 + i, True, s) for i, s in enumerate([1, 2, 3])]
    assert recall(found) == pytest.approx(1 / 3)


def test_the_argmax_crop_is_compared_with_the_lesions_of_boxed_films_only():
    found = [reading(0, False, 1), reading(1, True, 0)]
    assert hits(found, 0.3) == 1.0 and hits(found, 0.95) == 0.0


def test_global_and_local_is_the_higher_score_with_its_box():
    first, second = reading(0, False, 1.0, positive=[1.0]), reading(0, False, 3.0, positive=[2.0])
    second.box = [0.0, 0.0, 1.0, 1.0]
    (joined,) = larger([first], [second])
    assert (joined.score, joined.box, joined.positive) == (3.0, second.box, [1.0, 2.0])
    with pytest.raises(ValueError, match="different films"):
        larger([first], [reading(1, True, 0)])


def test_a_row_has_an_interval_for_each_figure_and_a_dash_for_what_was_not_drawn():
    found = [reading(i, i % 2 == 0, 10.0 * (i % 2) + 0.1 * i) for i in range(20)]
    cells = row(Entry("single", "residual", "crop", found), 50)
    assert cells[:4] == ["single", "residual", "crop", "20 (10)"]
    assert cells[4:7] == ["-", "-", "-"] and cells[7].startswith("1.000 [")


def test_the_table_replaces_what_stands_between_its_marks_and_nothing_else():
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    written = placed(document, table([], 10))
    assert "old" not in written and written.startswith("before") and written.endswith("after\n")
    assert placed(written, table([], 10)) == written and "88.23 %" in written
    with pytest.raises(ValueError, match="no lines"):
        placed("nothing", "x")


def make_folder(folder: Path) -> Path:
    """Twenty films of 160 px in the labels.csv layout, every second with a box of 30 px."""
    (folder / "images").mkdir(parents=True)
    films, boxes = ["image,patient,labels,no_finding,view,fold"], ["image,label,x,y,w,h"]
    for index in range(20):
        x, abnormal = 16 + 5 * index, index % 2
        film = drawn_film(index, 160, (x, 48, x + 30, 78) if abnormal else None)
        Image.fromarray(film.astype(np.uint8)).save(folder / "images" / f"{index}.png")
        films.append(f"{index}.png,{index},{'Mass,0' if abnormal else 'No Finding,1'},PA,{index // 2 % 5}")
        if abnormal:
            boxes.append(f"{index}.png,Mass,{x},48,30,30")
    (folder / "labels.csv").write_text("\n".join(films) + "\n")
    (folder / "boxes.csv").write_text("\n".join(boxes) + "\n")
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Films on disk and a finished local run on them."""
    place = tmp_path_factory.mktemp("seed")
    folder = make_folder(place / "rsna")
    seed_run([folder], place / "work", settings("local"), lambda line: None)
    return folder, place / "work"


def settings(mode: str, **more: int) -> Settings:
    return Settings(mode, "residual", 0.125, side=160, crop=32, steps=2, per_lesion=4, rate=0.01, **more)


def test_a_run_trains_and_judges_the_films_of_its_fold(work: tuple[Path, Path]):
    found = readings(work[1] / "local-residual" / "readings.jsonl")
    assert len(found) == 4 and sum(one.normal for one in found) == 2
    assert all(len(one.far) == 8 for one in found if one.normal)
    assert all(np.isfinite(one.score) and 0 <= min(one.box) < max(one.box) <= 1 for one in found)


def test_a_judgement_cut_off_in_a_line_goes_on_to_the_same_readings(work: tuple[Path, Path]):
    path = work[1] / "local-residual" / "readings.jsonl"
    before = path.read_text()
    path.write_text(before[: len(before) // 2])
    seed_run([work[0]], work[1], settings("local"), lambda line: None)
    assert path.read_text() == before


def test_a_folder_with_another_run_is_not_overwritten(work: tuple[Path, Path]):
    with pytest.raises(NotTrained, match="another seed"):
        seed_run([work[0]], work[1], settings("local", seed=2), lambda line: None)


def test_a_single_image_reads_as_the_local_mode_reads_it(work: tuple[Path, Path]):
    place = work[1] / "local-residual"
    network, mode = load_network(place), settings_of(place).build()
    one = readings(place / "readings.jsonl")[0]
    image = read_film(work[0] / "images" / one.film.split("/")[1])
    probability, box = read_image(network, mode, image)
    assert probability == pytest.approx(1 / (1 + np.exp(-one.score)))
    assert box.tolist() == one.box
    again = seed_run([work[0]], work[1], settings("single"), lambda line: None)
    assert [r.film for r in again] == [r.film for r in readings(place / "readings.jsonl")]
    assert 1 / (1 + np.exp(-again[0].score)) == pytest.approx(probability)


def test_global_and_local_needs_both(work: tuple[Path, Path]):
    with pytest.raises(NotTrained, match="global and local"):
        seed_run([work[0]], work[1], settings("global+local"), lambda line: None)


def test_the_commands_refuse_what_is_not_there_and_write_the_table(work: tuple[Path, Path], tmp_path: Path):
    runner = CliRunner()
    film = next((work[0] / "images").iterdir())
    missing = runner.invoke(app, ["seed-image", str(film), "--work", str(tmp_path), "--trunk", "residual"])
    assert missing.exit_code == 2 and "no run in" in missing.output.replace("\n", " ")
    shown = runner.invoke(app, ["seed-image", str(film), "--work", str(work[1]), "--trunk", "residual"])
    assert shown.exit_code == 0 and 0 <= float(shown.output.split()[0]) <= 1
    out = tmp_path / "seed.md"
    out.write_text(f"{BEGIN}\n{END}\n")
    done = runner.invoke(app, ["seed-table", str(work[0]), "--work", str(work[1]), "--out", str(out), "--draws", "20"])
    assert done.exit_code == 0, done.output
    assert "| local | residual x 0.125 | crop | 4 (2) |" in out.read_text()
    assert "shared map" in out.read_text() and "one fixed window" in out.read_text()
    assert json.loads((work[1] / "local-residual" / "run.json").read_text())["settings"]["steps"] == 2
