"""Rendered resources and thumbnails of a real server (PS3.18 10.4.1.1.3, .4) are the pictures that worker/render draws.

worker/render itself is compared with DCMTK, dicom4j's and PixelMed's viewers elsewhere (tests/integration/render).
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless, generate_uid

from tests.support.builders import make_cxr
from tests.support.drawings import make_state, window
from tests.support.reports import make_image, make_request, one
from tests.support.shelf import Shelf
from worker.render import render_image, render_presentation_state
from worker.render.colours import AMBER

BOX = (100.0, 160.0, 180.0, 260.0)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with Shelf(tmp_path_factory.mktemp("rendered")) as shelf:
        yield shelf


@pytest.fixture(scope="module")
def film(shelf: Shelf) -> Dataset:
    film = make_cxr(rows=480, columns=400, photometric="MONOCHROME1")
    shelf.put(film)
    return film


@pytest.fixture(scope="module")
def marked(shelf: Shelf) -> tuple[Dataset, Dataset, Dataset]:
    """A film of its own study, the GSPS and the SR that mark a nodule in it."""
    film = make_cxr(rows=480, columns=400)
    request = make_request(make_image(BOX, header=film))
    state, report = (one(request, kind).to_bytes() for kind in ("gsps", "sr"))
    shelf.put(film)
    shelf.put(state, report, result=True)
    return film, dcmread(BytesIO(state)), dcmread(BytesIO(report))


def picture(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(BytesIO(answer.content)).convert("RGB"), dtype=int)


def apart(a, b) -> int:
    return int(np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int)).max())


def test_an_image_is_rendered_whole_as_its_own_window_shows_it(shelf, film):
    answer = shelf.get(film, "rendered", accept="image/png")
    assert answer.headers["content-type"] == "image/png"
    assert apart(picture(answer), render_image(film, (400, 480))) == 0


def test_a_jpeg_is_what_is_given_to_who_asks_for_nothing(shelf, film):
    answer = shelf.get(film, "rendered")
    assert answer.headers["content-type"] == "image/jpeg"
    assert apart(picture(answer), render_image(film, (400, 480))) <= 8  # JPEG's own loss at quality 90


def test_quality_decides_how_large_a_jpeg_is(shelf, film):
    small, large = (len(shelf.get(film, "rendered", quality=quality).content) for quality in ("10", "100"))
    assert 4 * small < large


def test_a_lossless_stream_is_rendered_as_its_native_twin(shelf, film):
    twin = make_cxr(rows=480, columns=400, photometric="MONOCHROME1", transfer_syntax=JPEG2000Lossless)
    shelf.put(twin)
    assert apart(picture(shelf.get(twin, "rendered", accept="image/png")), render_image(film, (400, 480))) == 0


@pytest.mark.parametrize("function", ["linear", "linear-exact", "sigmoid"])
def test_a_window_that_is_asked_for_takes_the_place_of_the_images_own(shelf, film, function):
    answer = shelf.get(film, "rendered", accept="image/png", window=f"1500,800,{function}")
    x = film.pixel_array.astype(float)
    shown = {  # PS3.3 C.11.2.1.2.1, C.11.2.1.3.2, C.11.2.1.3.1
        "linear": np.clip((x - 1499.5) / 799 + 0.5, 0, 1),
        "linear-exact": np.clip((x - 1500) / 800 + 0.5, 0, 1),
        "sigmoid": 1 / (1 + np.exp(-4 * (x - 1500) / 800)),
    }[function]
    assert apart(picture(answer)[:, :, 0], np.rint(255 * (1 - shown))) <= 1  # MONOCHROME1


def test_a_viewport_keeps_the_proportion_of_the_image(shelf, film):
    assert picture(shelf.get(film, "rendered", viewport="200,1000")).shape == (240, 200, 3)


def test_a_region_is_cut_out_pixel_for_pixel_where_the_viewport_is_as_large(shelf, film):
    whole = render_image(film, (400, 480))
    cut = picture(shelf.get(film, "rendered", accept="image/png", viewport="120,90,50,60,120,90"))
    assert apart(cut, whole[60:150, 50:170]) == 0


def test_a_negative_width_of_the_region_turns_it_over(shelf, film):
    whole = render_image(film, (400, 480))
    cut = picture(shelf.get(film, "rendered", accept="image/png", viewport="120,90,50,60,-120,90"))
    assert apart(cut, whole[60:150, 50:170][:, ::-1]) == 0


def test_pixels_that_are_not_square_are_drawn_in_their_true_proportion(shelf):
    wide = make_cxr(rows=100, columns=100, pixel_spacing=(0.1, 0.2))
    shelf.put(wide)
    assert picture(shelf.get(wide, "rendered")).shape == (100, 200, 3)


def test_the_patient_is_named_in_the_picture_only_where_that_is_asked_for(shelf, film):
    plain = picture(shelf.get(film, "rendered", accept="image/png"))
    named = picture(shelf.get(film, "rendered", accept="image/png", annotation="patient"))
    more = picture(shelf.get(film, "rendered", accept="image/png", annotation="patient,technique"))
    assert apart(plain[200:], named[200:]) == 0
    assert (plain != named).sum() > 200
    assert (named != more).sum() > 200


def test_a_presentation_state_is_its_image_under_it(shelf, marked):
    film, state, _ = marked
    shown = picture(shelf.get(state, "rendered", accept="image/png"))
    assert apart(shown, render_presentation_state(state, film, (400, 480))) == 0
    coloured = np.abs(shown[:, :, 0] - shown[:, :, 2]) > 40
    edges = [coloured[200:220, at - 3 : at + 4].any(axis=1).mean() for at in (100, 180)]
    assert edges == [1.0, 1.0], "the nodule's outline is not where the box is"
    assert not coloured[200:220, 110:170].any()


def test_a_presentation_state_within_a_viewport_is_drawn_for_it(shelf, marked):
    film, state, _ = marked
    small = picture(shelf.get(state, "rendered", accept="image/png", viewport="200,200"))
    assert apart(small, render_presentation_state(state, film, (167, 200))) == 0


def test_a_magnified_presentation_state_keeps_its_magnification(shelf):
    film = make_cxr(rows=120, columns=90)
    state = make_state(film, SoftcopyVOILUTSequence=window(2000, 3000), StudyInstanceUID=film.StudyInstanceUID)
    state.SeriesInstanceUID, state.SOPInstanceUID = generate_uid(), generate_uid()
    state.DisplayedAreaSelectionSequence[0].PresentationPixelMagnificationRatio = 3.0
    state.file_meta = make_cxr(rows=8, columns=8).file_meta
    state.file_meta.MediaStorageSOPClassUID = state.SOPClassUID
    state.file_meta.MediaStorageSOPInstanceUID = state.SOPInstanceUID
    shelf.put(film, state)
    assert picture(shelf.get(state, "rendered")).shape == (360, 270, 3)


def test_a_report_is_drawn_over_the_image_that_it_is_about(shelf, marked):
    _, _, report = marked
    shown = picture(shelf.get(report, "rendered", accept="image/png"))
    assert (np.abs(shown - np.array(AMBER)).max(axis=2) <= 4).sum() > 100


def test_a_report_is_a_page_of_text_for_who_accepts_html(shelf, marked):
    _, _, report = marked
    answer = shelf.get(report, "rendered", accept="text/html")
    assert answer.headers["content-type"].startswith("text/html")
    assert "Nodule" in answer.text and "<li>" in answer.text
    assert answer.text.count("<ul>") == answer.text.count("</ul>") > 1


def test_a_study_of_several_images_is_a_part_each(shelf):
    first = make_cxr(rows=60, columns=50)
    second = make_cxr(rows=40, columns=50, study_uid=first.StudyInstanceUID)
    shelf.put(first, second)
    place = f"studies/{first.StudyInstanceUID}/rendered"
    answer = shelf.client.get(place, headers={"Accept": 'multipart/related; type="image/png"'})
    assert answer.status_code == 200
    boundary = answer.headers["content-type"].split("boundary=")[1].encode()
    parts = answer.content.split(b"--" + boundary)[1:-1]
    shapes = {Image.open(BytesIO(part.split(b"\r\n\r\n", 1)[1])).size for part in parts}
    assert shapes == {(50, 60), (50, 40)}
    assert all(b"/dicom-web/studies/" in part and b"/rendered\r\n" in part for part in parts)
    assert shelf.client.get(place, headers={"Accept": "image/png"}).status_code == 406


def test_an_image_among_others_that_cannot_be_drawn_makes_the_answer_partial(shelf):
    first = make_cxr(rows=60, columns=50)
    second = make_cxr(rows=40, columns=50, study_uid=first.StudyInstanceUID)
    second.PixelData = second.PixelData[:100]
    shelf.put(first, second)
    answer = shelf.client.get(f"studies/{first.StudyInstanceUID}/rendered")
    assert answer.status_code == 206
    assert answer.content.count(b"Content-Type: image/jpeg") == 1


def test_frames_of_one_instance_are_rendered_each_by_its_number(shelf):
    stack = np.stack([np.full((30, 40), level, dtype=np.int64) for level in (100, 900, 3000)])
    film = make_cxr(pixels=stack[0], sop_class="SC", bits_stored=12, RescaleSlope=None, RescaleIntercept=None)
    film.PixelData = stack.astype("<u2").tobytes()
    film.NumberOfFrames, film.WindowCenter, film.WindowWidth = 3, 2048, 4096
    shelf.put(film)
    levels = [picture(shelf.get(film, f"frames/{n}/rendered", accept="image/png"))[0, 0, 0] for n in (1, 2, 3)]
    assert levels == [round(255 * level / 4095) for level in (100, 900, 3000)]
    assert shelf.get(film, "frames/4/rendered").status_code == 404
    assert shelf.get(film, "frames/0/rendered").status_code == 400
    assert shelf.get(film, "frames/2,3/rendered").content.count(b"Content-Type: image/jpeg") == 2


def test_frames_that_are_only_claimed_are_not_waited_for(shelf):
    film = make_cxr(rows=64, columns=64, NumberOfFrames=2**31 - 1)
    shelf.put(film)
    assert shelf.get(film, "rendered").status_code == 413
    assert shelf.get(film, "frames/2/rendered").status_code == 406
    assert picture(shelf.get(film, "thumbnail")).shape == (128, 128, 3)


def test_a_colour_image_is_rendered_in_its_colours(shelf):
    film = make_cxr(rows=20, columns=30, sop_class="SC", bits_stored=8, bits_allocated=8)
    film.SamplesPerPixel, film.PhotometricInterpretation, film.PlanarConfiguration = 3, "RGB", 0
    film.PixelData = bytes([250, 120, 10]) * 600
    shelf.put(film)
    shown = picture(shelf.get(film, "rendered", accept="image/png"))
    assert shown.shape == (20, 30, 3) and apart(shown, np.array([250, 120, 10])) == 0


@pytest.mark.parametrize("level", ["study", "series", "instance", "frame"])
def test_a_thumbnail_of_every_level_is_a_small_jpeg(shelf, marked, level):
    film, _, _ = marked
    places = [f"studies/{film.StudyInstanceUID}", f"series/{film.SeriesInstanceUID}"]
    places += [f"instances/{film.SOPInstanceUID}", "frames/1"]
    depth = ["study", "series", "instance", "frame"].index(level) + 1
    answer = shelf.client.get("/".join([*places[:depth], "thumbnail"]))
    assert answer.headers["content-type"] == "image/jpeg"
    assert picture(answer).shape == (128, 107, 3)
    assert apart(picture(answer), render_image(film, (107, 128))) <= 16


def test_a_thumbnail_has_the_size_that_is_asked_for(shelf, marked):
    film, state, _ = marked
    assert picture(shelf.get(film, "thumbnail", viewport="60,60")).shape == (60, 50, 3)
    assert picture(shelf.get(state, "thumbnail", viewport="300,300")).shape == (300, 250, 3)
    assert shelf.get(film, "thumbnail", viewport="60,60,1,1").status_code == 400


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"window": "40,0.5,linear"}, "window"),
        ({"window": "a,b,linear"}, "window"),
        ({"window": "40,100,cubic"}, "window"),
        ({"viewport": "0,10"}, "viewport"),
        ({"viewport": "100000,10"}, "viewport"),
        ({"viewport": "10,10,0,0,0,5"}, "viewport"),
        ({"quality": "0"}, "quality"),
        ({"quality": "best"}, "quality"),
        ({"annotation": "everything"}, "annotation"),
    ],
)
def test_a_parameter_that_the_standard_does_not_allow_is_refused_by_name(shelf, film, query, named):
    answer = shelf.get(film, "rendered", **query)
    assert answer.status_code == 400
    assert named in answer.text


def test_a_presentation_state_takes_no_window_and_no_region(shelf, marked):
    _, state, _ = marked
    assert shelf.get(state, "rendered", window="40,100,linear").status_code == 400
    assert shelf.get(state, "rendered", viewport="40,100,5,5").status_code == 400


def test_what_is_not_there_is_404_and_what_nobody_draws_is_406(shelf, film):
    stranger = make_cxr(rows=8, columns=8)
    assert shelf.get(stranger, "rendered").status_code == 404
    assert shelf.get(stranger, "thumbnail").status_code == 404
    assert shelf.get(film, "rendered", accept="application/pdf").status_code == 406
    assert shelf.get(film, "rendered", accept="text/html").status_code == 406
    assert shelf.get(film, "thumbnail", accept="image/gif").status_code == 406
    outside = shelf.get(film, "rendered", viewport="10,10,4000,4000")
    assert outside.status_code == 406 and "outside" in outside.text
