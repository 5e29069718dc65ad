"""WADO-RS as origin server, with httpx, curl and dicomweb-client: PS3.18 10.4."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from tests.conftest import need
from tests.support.builders import make_cxr
from tests.support.origin import Origin, encoded, origin, parts_of

DICOM = "application/dicom"
STORED_IN = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLSLossless,
)


@dataclass(frozen=True)
class House:
    """A server with one study of two series: `films` of 48x40 pixels in STORED_IN, and `lossy`, a JPEG."""

    server: Origin
    study: str
    films: tuple[Dataset, ...]
    lossy: Dataset

    def url(self, ds: Dataset) -> str:
        return f"/studies/{self.study}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"

    def get(self, url: str, accept: str | None = None, **headers: str):
        return self.server.client.get(url, headers=({"Accept": accept} if accept else {}) | headers)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    study, series = generate_uid(), generate_uid()
    films = tuple(
        make_cxr(rows=48, columns=40, study_uid=study, series_uid=series, transfer_syntax=syntax, InstanceNumber=number)
        for number, syntax in enumerate(STORED_IN, 1)
    )
    films[0].add_new(0x00091001, "OB", bytes(range(256)) * 5)
    lossy = make_cxr(
        rows=48, columns=40, study_uid=study, bits_stored=8, bits_allocated=8, transfer_syntax=JPEGBaseline8Bit
    )
    with origin(tmp_path_factory.mktemp("house")) as server:
        assert server.store(*films, lossy).status_code == 200
        yield House(server, study, films, lossy)


def test_as_stored_is_the_very_file_that_was_sent(house: House) -> None:
    response = house.get(f"/studies/{house.study}", f'multipart/related; type="{DICOM}"; transfer-syntax=*')
    assert response.status_code == 200
    sent = {encoded(ds) for ds in (*house.films, house.lossy)}
    assert {content for _, content in parts_of(response)} == sent
    for headers, content in parts_of(response):
        assert headers["content-type"].endswith(str(dcmread(BytesIO(content)).file_meta.TransferSyntaxUID))
        assert house.server.client.get(headers["content-location"]).status_code == 200


@pytest.mark.parametrize("accept", [None, "*/*", f"multipart/related; type={DICOM}"])
def test_by_default_all_of_a_study_comes_in_explicit_vr(house: House, accept: str | None) -> None:
    response = house.get(f"/studies/{house.study}", accept)
    got = [dcmread(BytesIO(content)) for _, content in parts_of(response)]
    assert {ds.file_meta.TransferSyntaxUID for ds in got} == {ExplicitVRLittleEndian}
    pictures = {str(ds.SOPInstanceUID): ds.pixel_array for ds in house.films}
    for ds in got:
        if str(ds.SOPInstanceUID) in pictures:
            assert np.array_equal(ds.pixel_array, pictures[str(ds.SOPInstanceUID)])
    assert len(got) == 6


def test_what_is_accepted_may_be_said_in_several_fields(house: House) -> None:
    fields = [("Accept", "application/zip"), ("Accept", f"{DICOM}; transfer-syntax=*")]
    response = house.server.client.get(house.url(house.films[0]), headers=fields)
    assert (response.status_code, response.content) == (200, encoded(house.films[0]))


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless]
)
@pytest.mark.parametrize("number", range(len(STORED_IN)))
def test_an_instance_comes_in_the_syntax_that_is_asked_for(house: House, syntax: str, number: int) -> None:
    film = house.films[number]
    response = house.get(house.url(film), f"{DICOM}; transfer-syntax={syntax}")
    got = dcmread(BytesIO(response.content))
    assert response.headers["content-type"] == f"{DICOM}; transfer-syntax={syntax}"
    assert (got.file_meta.TransferSyntaxUID, got.SOPInstanceUID) == (syntax, film.SOPInstanceUID)
    assert np.array_equal(got.pixel_array, film.pixel_array)


def test_frames_come_in_three_transfer_syntaxes(house: House) -> None:
    film = house.films[1]
    native = film.pixel_array.astype("<u2").tobytes()
    for accept, kind in (
        (None, f"application/octet-stream; transfer-syntax={ExplicitVRLittleEndian}"),
        ('multipart/related; type="image/jls"', f"image/jls; transfer-syntax={JPEGLSLossless}"),
        ("multipart/related; type=image/jp2", f"image/jp2; transfer-syntax={JPEG2000Lossless}"),
    ):
        ((headers, content),) = parts_of(house.get(f"{house.url(film)}/frames/1", accept))
        assert headers["content-type"] == kind
        assert content == native or kind.startswith("image/")
        if kind.startswith("image/"):
            assert len(content) < len(native)
    alone = house.get(f"{house.url(film)}/frames/1", "application/octet-stream")
    assert alone.content == native
    assert house.get(f"{house.url(film)}/pixeldata", "application/octet-stream").content == native


def test_a_frame_that_is_stored_compressed_is_given_as_it_is(house: House) -> None:
    accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
    for film, kind in ((house.films[4], "image/jls"), (house.lossy, "image/jpeg")):
        ((headers, content),) = parts_of(house.get(f"{house.url(film)}/frames/1", accept))
        assert headers["content-type"].startswith(f"{kind}; transfer-syntax=1.2.840.10008.1.2.4.")
        assert content == next(generate_frames(film.PixelData, number_of_frames=1))


def test_metadata_refer_to_large_values_which_can_be_retrieved(house: House) -> None:
    film = house.films[0]
    (model,) = house.get(f"{house.url(film)}/metadata").json()
    ds = Dataset.from_json(model, lambda _tag, _vr, uri: house.get(uri, "application/octet-stream").content)
    assert ds[0x00091001].value == film[0x00091001].value
    assert ds.PixelData == film.PixelData
    assert ds.PatientName == film.PatientName
    assert model["00083002"]["Value"] == [ExplicitVRLittleEndian]


@pytest.mark.parametrize(("level", "count"), [("study", 6), ("series", 5), ("instance", 1)])
def test_metadata_are_an_array_at_every_level(house: House, level: str, count: int) -> None:
    film = house.films[0]
    url = {
        "study": f"/studies/{house.study}",
        "series": f"/studies/{house.study}/series/{film.SeriesInstanceUID}",
        "instance": house.url(film),
    }[level]
    response = house.get(f"{url}/metadata", "application/dicom+json")
    assert response.headers["content-type"] == "application/dicom+json"
    assert len(response.json()) == count


def test_what_a_client_has_already_is_not_sent_again(house: House) -> None:
    for url in (house.url(house.films[0]), f"/studies/{house.study}/metadata", f"{house.url(house.films[0])}/frames/1"):
        first = house.get(url)
        assert "private" in first.headers["cache-control"]
        again = house.get(url, **{"If-None-Match": f'"x", {first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")


def test_head_is_answered_without_a_body(house: House) -> None:
    response = house.server.client.head(f"/studies/{house.study}")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["etag"] == house.get(f"/studies/{house.study}").headers["etag"]


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/studies/1.2.3", None, 404),
        ("/studies/not-a-uid", None, 400),
        ("/studies/{study}/series/1.2.3", None, 404),
        ("/studies/{study}", "image/jpeg", 406),
        ("/studies/{study}", DICOM, 406),
        ("/studies/{study}", f"multipart/related; type={DICOM}; transfer-syntax=1.2.3", 406),
        ("/studies/{study}/metadata", "application/dicom+xml", 406),
        ("{instance}/frames/2", None, 404),
        ("{instance}/frames/0", None, 404),
        ("{instance}/frames/one", None, 400),
        ("{instance}/frames/1,1", "application/octet-stream", 406),
        ("{instance}/frames/1", "text/html", 406),
        ("{instance}/bulkdata/00091001", "image/png", 406),
        ("{instance}/bulkdata/00100010", None, 404),
        ("{instance}/bulkdata/00091001/1/00091001", None, 404),
        ("{instance}/bulkdata/../x", None, 404),
        ("{instance}/bulkdata/xyz", None, 400),
        ("/nothing", None, 404),
    ],
)
def test_what_cannot_be_had_has_its_status(house: House, path: str, accept: str | None, status: int) -> None:
    url = path.format(study=house.study, instance=house.url(house.films[0]))
    response = house.get(url, accept)
    assert response.status_code == status and response.json()["error"]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless])
def test_dicomweb_client_stores_what_was_made_in_memory(house: House, syntax: str) -> None:
    """It leaves out preamble, prefix and group length; the archive has them."""
    film = make_cxr(rows=48, columns=40, transfer_syntax=syntax)
    answer = DICOMwebClient(house.server.url).store_instances([film])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == film.SOPInstanceUID
    key = house.server.ledger.views.keys(film.StudyInstanceUID)[film.SOPInstanceUID]
    kept = dcmread(Path(house.server.settings.archive_url) / key)
    assert kept.preamble == bytes(128) and kept.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(kept.pixel_array, film.pixel_array)


def test_dicomweb_client_stores_and_retrieves(house: House) -> None:
    client = DICOMwebClient(house.server.url)
    film = dcmread(BytesIO(encoded(make_cxr(rows=48, columns=40))))
    answer = client.store_instances([film])
    assert answer.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == film.SOPInstanceUID
    uids = (film.StudyInstanceUID, film.SeriesInstanceUID, film.SOPInstanceUID)
    (whole,) = client.retrieve_study(uids[0])
    assert np.array_equal(whole.pixel_array, film.pixel_array)
    (metadata,) = client.retrieve_study_metadata(uids[0])
    assert metadata["0020000D"]["Value"] == [film.StudyInstanceUID]
    instance = client.retrieve_instance(*uids, media_types=((DICOM, JPEG2000Lossless),))
    assert np.array_equal(instance.pixel_array, film.pixel_array)
    (frame,) = client.retrieve_instance_frames(*uids, frame_numbers=[1])
    assert frame == film.pixel_array.astype("<u2").tobytes()
    (bulk,) = client.retrieve_bulkdata(f"{house.server.url}{house.url(house.films[0])}/bulkdata/00091001")
    assert bulk == house.films[0][0x00091001].value


def test_curl_gets_the_very_file(house: House, tmp_path: Path) -> None:
    out = tmp_path / "film.dcm"
    url = house.server.url + house.url(house.films[3])
    headers = ["-H", f"Accept: {DICOM}; transfer-syntax=*"]
    subprocess.run([need("curl"), "-sSf", *headers, "-o", str(out), url], check=True)
    assert out.read_bytes() == encoded(house.films[3])


def test_capabilities_name_what_is_served(house: House) -> None:
    told = house.server.client.request("OPTIONS", "/")
    assert told.headers["content-type"].startswith("application/vnd.sun.wadl+xml")
    space = "{http://wadl.dev.java.net/2009/02}"
    paths = {
        resource.get("path"): {method.get("name") for method in resource.iter(f"{space}method")}
        for resource in ElementTree.fromstring(told.content).iter(f"{space}resource")
    }
    assert paths["studies/{study}"] == {"GET", "POST"}
    assert "GET" in paths["studies/{study}/series/{series}/instances/{instance}/frames/{list}"]
    as_json = house.get("/", "application/json").json()
    assert {resource["path"].lstrip("/") for resource in as_json} == paths.keys()
