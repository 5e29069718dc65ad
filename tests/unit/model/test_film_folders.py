"""A newcomer's folder: what may be left out, what is refused and in which words, which files are films."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.train import readers
from model.train.cache import cached
from model.train.films import read_folder, split, unknown_labels
from model.train.readers import FilmUnreadable, OtherKind, film_size, read_film, read_others_by
from model.train.run import prepare
from model.train.tables import FolderRefused, read_tables


def rewrite(table: Path, change: Callable[[list[dict[str, str]]], object]) -> None:
    """The rows of a table after a change; columns that no row has any more are gone."""
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    change(rows)
    with table.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]) if rows else ["image", "labels"])
        writer.writeheader()
        writer.writerows(rows)


def refusal(folder: Path) -> str:
    with pytest.raises(FolderRefused) as caught:
        read_folder(folder)
    return str(caught.value)


def test_a_folder_is_read_with_its_boxes_in_the_unit_frame(folder: Path):
    films = read_folder(folder)
    assert len(films) == 60 and sum(one.normal for one in films) == 30
    boxed = [one for one in films if len(one.boxes)]
    assert all(one.labels == {"Mass"} and not one.normal for one in boxed) and len(boxed) == 30
    x0, y0, x1, y1 = boxed[0].boxes[0] * 96
    pixels = read_film(boxed[0].path)
    assert (x1 - x0, y1 - y0) == pytest.approx((24, 24))
    assert pixels[round(y0) : round(y1), round(x0) : round(x1)].mean() > pixels.mean() + 40


def test_image_and_labels_are_enough_and_each_film_is_then_a_patient_with_a_fold(folder: Path):
    rewrite(
        folder / "labels.csv", lambda rows: [row.pop(key) for row in rows for key in list(row)[1:] if key != "labels"]
    )
    films = read_folder(folder)
    assert sum(one.normal for one in films) == 30 and len({one.patient for one in films}) == 60
    assert {one.fold for one in films} == {0, 1, 2, 3, 4}
    assert [one.fold for one in films] == [one.fold for one in read_folder(folder)]
    assert {one.stratum for one in films} == {"films/films/"}


def test_films_of_one_patient_come_into_one_fold(folder: Path):
    def of_ten_patients(rows: list[dict[str, str]]) -> None:
        for index, row in enumerate(rows):
            row |= {"patient": f"Y{index % 10}", "fold": ""}

    rewrite(folder / "labels.csv", of_ten_patients)
    films = read_folder(folder)
    assert len({(one.patient, one.fold) for one in films}) == len({one.patient for one in films}) == 10


def test_names_may_be_written_as_people_write_them_and_others_are_told(folder: Path):
    def own_names(rows: list[dict[str, str]]) -> None:
        rows[0]["labels"], rows[1]["labels"], rows[3]["labels"] = "no finding", "pleural thickening | Scoliosis", "MASS"

    rewrite(folder / "labels.csv", own_names)
    films = read_folder(folder)
    assert films[0].normal and films[1].labels == {"Pleural_Thickening", "Scoliosis"} and films[3].labels == {"Mass"}
    assert unknown_labels(films) == ["Scoliosis"]


def test_a_folder_without_labels_or_without_the_columns_is_refused(folder: Path):
    rewrite(folder / "labels.csv", lambda rows: [row.pop("labels") for row in rows])
    assert "labels.csv, line 1: no column labels; its columns are image, patient" in refusal(folder)
    (folder / "labels.csv").unlink()
    assert "labels.csv is missing" in refusal(folder)
    assert "is no folder" in refusal(folder / "absent")


def test_an_empty_table_is_refused(folder: Path):
    rewrite(folder / "labels.csv", lambda rows: rows.clear())
    (folder / "boxes.csv").unlink()
    assert "holds no film" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": "nowhere.png"}, "nowhere.png is missing: add the file or take out the line"),
        ({"fold": "7"}, "fold is '7': it must be 0 to 4"),
        ({"labels": "", "no_finding": ""}, "no label: write Normal"),
        ({"labels": "Effusion", "no_finding": "1"}, "normal and Effusion at once"),
        ({"labels": "Normal|Effusion", "no_finding": "0"}, "normal and Effusion at once"),
        ({"no_finding": "yes"}, "no_finding is 'yes'"),
        ({"image": "0000.png"}, "0000.png is there twice"),
    ],
)
def test_a_wrong_line_is_named_with_what_to_do(folder: Path, change: dict[str, str], words: str):
    (folder / "boxes.csv").unlink()
    rewrite(folder / "labels.csv", lambda rows: rows[4].update(change))
    said = refusal(folder)
    assert "labels.csv, line 6: " in said and words in said and said.count("\n") == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": "0900.png"}, "0900.png is not in labels.csv"),
        ({"image": "0002.png"}, "0002.png is normal in labels.csv and has a box"),
        ({"w": "-3"}, "the box is -3 x 24"),
        ({"x": "90"}, "leaves 0007.png, which has 96 x 96 pixels"),
        ({"y": "nan"}, "the box is"),
        ({"h": "tall"}, "must be numbers"),
    ],
)
def test_a_wrong_box_is_named_with_what_is_wrong(folder: Path, change: dict[str, str], words: str):
    rewrite(folder / "boxes.csv", lambda rows: rows[3].update(change))
    said = refusal(folder)
    assert "boxes.csv, line 5: " in said and words in said


def test_mistakes_are_told_together_the_first_ten_of_them(folder: Path):
    rewrite(folder / "labels.csv", lambda rows: [row.update(fold="9") for row in rows])
    said = refusal(folder)
    assert said.count("fold is '9'") == 10 and said.endswith("and 50 more like these")


def test_damaged_films_are_all_named_and_none_is_left_out_in_silence(folder: Path, tmp_path: Path):
    films = read_folder(folder)
    for index in (3, 8):
        path = folder / "images" / f"{index:04}.png"
        path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(FolderRefused) as caught:
        cached(films, 64, tmp_path / "cache")
    assert [name in str(caught.value) for name in ("0003.png", "0008.png", "0004.png")] == [True, True, False]
    assert not list((tmp_path / "cache").iterdir())


def test_a_film_that_was_replaced_is_decoded_again(folder: Path, tmp_path: Path):
    films = read_folder(folder)
    before = np.array(cached(films, 64, tmp_path / "cache")[5])
    Image.fromarray(np.arange(96 * 96, dtype=np.uint8).reshape(96, 96)).save(films[5].path)
    assert (cached(films, 64, tmp_path / "cache")[5] != before).any()


def test_nothing_is_learnt_from_one_class_or_of_a_fold_that_is_not_there(folder: Path):
    assert len(prepare([folder], 0).parts.test) == 12
    rewrite(folder / "labels.csv", lambda rows: [row.update(fold="1") for row in rows])
    with pytest.raises(FolderRefused, match=r"no film is in fold 0.*there are: 1"):
        prepare([folder], 0)
    (folder / "boxes.csv").unlink()
    rewrite(folder / "labels.csv", lambda rows: [row.update(labels="Mass", no_finding="0") for row in rows])
    with pytest.raises(FolderRefused, match="0 normal and 60 abnormal films"):
        prepare([folder], None)


def test_no_patient_is_on_two_sides_of_the_split(folder: Path):
    rewrite(folder / "labels.csv", lambda rows: [row.update(patient=str(i // 3)) for i, row in enumerate(rows)])
    parts = split(read_folder(folder), 0)
    assert not {one.patient for one in parts.train} & {one.patient for one in parts.test}
    assert all(one.fold == 0 for one in parts.test) and parts.test and parts.train


def test_sixteen_bits_and_colours_are_films_of_0_to_255(tmp_path: Path):
    deep = np.linspace(1000, 30000, 64 * 80).reshape(64, 80).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    Image.fromarray((deep // 128).astype(np.uint8)).convert("RGB").save(tmp_path / "colour.png")
    film = read_film(tmp_path / "deep.png")
    assert film.dtype == np.float32 and (film.min(), film.max()) == (0, 255) and film.shape == (64, 80)
    assert read_film(tmp_path / "colour.png").max() == 30000 // 128 and film_size(tmp_path / "colour.png") == (80, 64)


def test_another_kind_of_file_needs_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readers, "_other", [])
    (tmp_path / "a.dcm").write_bytes(b"\0" * 200)
    with pytest.raises(FilmUnreadable, match="thoraxd-model"):
        read_film(tmp_path / "a.dcm")
    read_others_by(OtherKind(lambda path: (3, 2), lambda path: np.full((2, 3), 7, np.float32)))
    assert film_size(tmp_path / "a.dcm") == (3, 2) and read_film(tmp_path / "a.dcm").shape == (2, 3)


def test_a_table_in_another_encoding_is_refused_and_a_byte_order_mark_is_not(folder: Path):
    table = folder / "labels.csv"
    text = table.read_text()
    table.write_bytes(text.encode("utf-8-sig"))
    assert len(read_tables(folder)) == 60
    table.write_bytes(text.replace("Mass", "Masse é").encode("latin-1"))
    assert "is not UTF-8 text" in refusal(folder)
