"""Our own results through WADO-RS: objects without pixels, and a Parametric Map."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless

from tests.support.conform import drawn
from tests.support.origin import encoded, parts_of
from tests.support.reports import make_image, make_request
from tests.support.shelf import Shelf
from worker.encode import encode

KINDS = ("sr", "gsps", "parametric-map")


@pytest.fixture(scope="module")
def results() -> dict[str, Dataset]:
    image = drawn(make_image((50.25, 60.5, 120.75, 140.125)))
    return {kind: encode(make_request(image), kind, "air")[0].dataset for kind in KINDS}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, results: dict[str, Dataset]) -> Iterator[Shelf]:
    with Shelf(tmp_path_factory.mktemp("results")) as running:
        running.put(*results.values(), result=True)
        yield running


def url(ds: Dataset) -> str:
    return f"studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_is_retrieved_as_it_is_archived(shelf: Shelf, results: dict[str, Dataset], kind: str) -> None:
    for accept in ("application/dicom", "application/dicom; transfer-syntax=*"):
        assert shelf.client.get(url(results[kind]), headers={"Accept": accept}).content == encoded(results[kind])


@pytest.mark.parametrize("kind", ["sr", "gsps"])
def test_a_result_without_pixels_is_recoded_and_never_compressed(shelf: Shelf, results, kind: str) -> None:
    for asked, given in ((ImplicitVRLittleEndian, ImplicitVRLittleEndian), (JPEGLSLossless, ExplicitVRLittleEndian)):
        accept = f'multipart/related; type="application/dicom"; transfer-syntax={asked}'
        ((headers, content),) = parts_of(shelf.client.get(url(results[kind]), headers={"Accept": accept}))
        got = dcmread(BytesIO(content))
        assert got.file_meta.TransferSyntaxUID == given
        assert headers["content-type"] == f"application/dicom; transfer-syntax={given}"
        assert got.SeriesInstanceUID == results[kind].SeriesInstanceUID


@pytest.mark.parametrize("kind", KINDS)
def test_a_results_metadata_are_its_attributes(shelf: Shelf, results: dict[str, Dataset], kind: str) -> None:
    ds = results[kind]
    (model,) = shelf.client.get(f"{url(ds)}/metadata").json()
    assert model.keys() == {f"{int(element.tag):08X}" for element in ds} | {"00083002"}
    if kind == "sr":
        assert len(model["0040A730"]["Value"]) == len(ds.ContentSequence)


def test_a_heat_map_has_frames_and_other_results_have_none(shelf: Shelf, results: dict[str, Dataset]) -> None:
    heat = results["parametric-map"]
    frame = shelf.client.get(f"{url(heat)}/frames/1", headers={"Accept": "application/octet-stream"})
    assert frame.content == heat.PixelData[: heat.Rows * heat.Columns * heat.BitsAllocated // 8]
    assert shelf.client.get(f"{url(results['sr'])}/frames/1").status_code == 404
