"""Whatever an object or an image holds, there is a picture or a reason: never another error."""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.tag import BaseTag

from tests.support.drawings import encoded, file_of, make_film
from worker.pixels import PixelsUnreadable
from worker.render import CannotRender, draw

BOX = (10.0, 12.0, 30.0, 33.0)
KINDS = ["gsps", "sr", "sc", "kos"]
NONSENSE = (b"", b"\xff" * 6, b"A\\B\\C\\D ", b"1e308\\-1e308\\nan ", b"\0" * 8, b"-1")


@pytest.fixture(scope="module")
def film() -> Dataset:
    return make_film(rows=48, columns=40, bits_stored=8, bits_allocated=8)


@pytest.fixture(scope="module")
def files(film: Dataset) -> dict[str, bytes]:
    return {kind: file_of(encoded(film, kind, BOX)) for kind in KINDS} | {"film": file_of(film)}


def elements(ds: Dataset) -> Iterator[tuple[Dataset, BaseTag, str]]:
    """Every element at every depth: the data set that holds it, its tag, its VR."""
    for tag in sorted(ds.keys()):
        yield ds, tag, ds[tag].VR
        if ds[tag].VR == "SQ":
            for item in ds[tag].value:
                yield from elements(item)


def attempt(thing: Dataset, image: Dataset) -> str:
    """Draw; "picture" or the reason why there is none."""
    try:
        (drawn,) = draw(thing, [image], (60, 60))
    except (CannotRender, PixelsUnreadable) as error:
        assert 0 < len(str(error)) < 200
        return str(error)
    assert drawn.picture.dtype == np.uint8 and drawn.picture.ndim == 3
    return "picture"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=35, deadline=None)
@given(
    broken=st.sampled_from(["object", "object", "film"]),
    faults=st.lists(st.tuples(st.integers(0, 500), st.none() | st.sampled_from(NONSENSE)), min_size=1, max_size=3),
)
def test_an_object_with_elements_missing_or_broken_is_drawn_or_refused(
    kind: str, files: dict[str, bytes], broken: str, faults: list[tuple[int, bytes | None]]
) -> None:
    sets = {"object": dcmread(BytesIO(files[kind])), "film": dcmread(BytesIO(files["film"]))}
    places = list(elements(sets[broken]))
    for number, value in faults:
        holder, tag, vr = places[number % len(places)]
        if value is None:
            holder.pop(tag, None)
        elif vr != "SQ":
            holder[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)

    attempt(sets["object"], sets["film"])


def test_an_object_that_is_no_result_says_so(film: Dataset) -> None:
    other = Dataset()
    other.SOPClassUID, other.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.3"

    assert attempt(other, film) == "objects of SOP class 1.2.840.10008.5.1.4.1.1.104.1 are not drawn"


@pytest.mark.parametrize("kind", ["gsps", "sr"])
def test_an_image_without_pixels_says_so(kind: str, film: Dataset, files: dict[str, bytes]) -> None:
    header = dcmread(BytesIO(files["film"]), stop_before_pixels=True)

    assert attempt(encoded(film, kind, BOX), header) == "the data set has no Pixel Data"


def test_a_presentation_state_without_its_image_says_so(film: Dataset) -> None:
    assert "none of the images given" in attempt(encoded(film, "gsps", BOX), make_film(np.eye(9)))


def test_the_same_object_gives_the_same_picture(film: Dataset) -> None:
    first, second = (draw(encoded(film, "gsps", BOX), [film])[0].picture for _ in range(2))

    assert (first == second).all()
