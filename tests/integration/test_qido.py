"""QIDO-RS as origin server, over real sockets: PS3.18 10.6."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from dicomweb_client.api import DICOMwebClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.builders import make_cxr
from tests.support.origin import Origin, encoded, origin

STUDIES = ["1.2.826.1", "1.2.826.2", "1.2.826.3"]
NAMES = ["Doe^Jane", "Yamada^Tarou=山田^太郎=やまだ^たろう", "Müller^Jörg"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """Three studies of one film each; the last is the newest."""
    with origin(tmp_path_factory.mktemp("origin")) as running:
        films = [
            make_cxr(
                rows=32, columns=32, study_uid=uid, series_uid=f"{uid}.1", sop_uid=f"{uid}.1.1", patient_name=name,
                StudyDate=f"2026010{number}", OperatorsName="Op^One", TimezoneOffsetFromUTC="+0100",
            )
            for number, (uid, name) in enumerate(zip(STUDIES, NAMES, strict=True), start=1)
        ]  # fmt: skip
        assert running.store(*map(encoded, films)).status_code == 200
        yield running


def search(server: Origin, path: str, **options: Any) -> list[dict[str, Any]]:
    response = server.client.get(path, **options)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/dicom+json"
    assert response.headers["cache-control"] == "no-store"
    for item in response.json():
        assert list(item) == sorted(item)  # F.2.2: in the order of tags
    return list(response.json())


def uids(results: list[dict[str, Any]], tag: str = "0020000D") -> list[str]:
    return [item[tag]["Value"][0] for item in results]


# Tables 10.6.3-3, 10.6.3-4, 10.6.3-5.
STUDY = {
    "00080020", "00080030", "00080050", "00080056", "00080061", "00080090", "00080201", "00081190", "00100010",
    "00100020", "00100030", "00100040", "0020000D", "00200010", "00201206", "00201208",
}  # fmt: skip
SERIES = {"00080060", "00080201", "0008103E", "00081190", "0020000E", "00200011", "00201209", "00400244", "00400245"}
INSTANCE = {
    "00080016", "00080018", "00080056", "00080201", "00081190", "00200013", "00280008", "00280010", "00280011",
    "00280100",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "attributes", "absent"),
    [
        ("/studies", STUDY, SERIES - STUDY),
        ("/series", STUDY | SERIES, INSTANCE - SERIES - STUDY),
        ("/instances", STUDY | SERIES | INSTANCE, set()),
        (f"/studies/{STUDIES[0]}/series", SERIES | {"0020000D"}, {"00100010", "00280010"}),
        (f"/studies/{STUDIES[0]}/instances", SERIES | INSTANCE, {"00100010"}),
        (f"/studies/{STUDIES[0]}/series/{STUDIES[0]}.1/instances", INSTANCE, {"00100010", "0008103E"}),
    ],
)
def test_each_resource_returns_its_attributes(server, path, attributes, absent):
    first = search(server, path)[0]
    assert attributes <= set(first) and not absent & set(first)


def test_results_come_newest_first_with_names_numbers_and_places(server):
    newest = search(server, "/studies")[0]
    assert uids(search(server, "/studies")) == STUDIES[::-1]
    assert newest["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Müller^Jörg"}]}
    assert newest["00201208"] == {"vr": "IS", "Value": [1]}
    assert newest["00081190"]["Value"] == [f"{server.url}/studies/{STUDIES[2]}"]
    assert newest["00080061"]["Value"] == ["DX"] and newest["00080201"]["Value"] == ["+0100"]
    japanese = search(server, "/studies", params={"PatientName": "山田*"})[0]["00100010"]["Value"]
    assert japanese == [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("PatientName=doe*", [0]),
        ("00100010=DOE%5EJANE", [0]),
        ("PatientName=jorg+muller&fuzzymatching=true", [2]),
        ("PatientName=&AccessionNumber=", [2, 1, 0]),
        ("StudyDate=20260102-", [2, 1]),
        ("StudyDate=20260102-20260102&StudyTime=10-11", [1]),
        (f"StudyInstanceUID={STUDIES[0]},{STUDIES[2]}", [2, 0]),
        (f"StudyInstanceUID={STUDIES[0]}%5C{STUDIES[1]}", [1, 0]),
        (f"0020000D={STUDIES[0]}&StudyInstanceUID={STUDIES[1]}", [1, 0]),
        ("ModalitiesInStudy=CR,MR", []),
        ("ModalitiesInStudy=CR%5CDX&limit=1&offset=1", [1]),
        ("limit=0", []),
        ("offset=2147483647", []),
        ('IssuerOfPatientID=""&emptyvaluematching=true', [2, 1, 0]),
        # What OHIF 3 sends.
        ("PatientName=*oe*&00100020=*T*&limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060", [0]),
    ],
)
def test_studies_are_found(server, query, found):
    assert uids(search(server, f"/studies?{query}")) == [STUDIES[number] for number in found]


def test_series_and_instances_are_found_by_keys_of_every_level(server):
    assert uids(search(server, "/series?Modality=DX&StudyDate=20260101")) == STUDIES[:1]
    assert uids(search(server, f"/instances?SOPInstanceUID={STUDIES[1]}.1.1")) == STUDIES[1:2]
    assert search(server, "/series?00400275.00400009=SPS1") == []
    assert search(server, "/studies/1.2.3.4/series") == []


def test_fields_that_the_catalogue_lacks_are_read_from_the_archive(server):
    asked = "includefield=OperatorsName,KVP&includefield=00180015&includefield=PixelData"
    (item, *_) = search(server, f"/instances?{asked}")
    assert item["00081070"]["Value"] == [{"Alphabetic": "Op^One"}] and item["00180060"]["Value"] == [120]
    assert item["00180015"]["Value"] == ["CHEST"] and "7FE00010" not in item
    study, series = (search(server, f"/{level}?{asked},PatientAge")[0] for level in ("studies", "series"))
    assert "00101010" in study and "00081070" not in study  # of a lower level: not returned
    assert "00081070" in series and "00180060" not in series
    everything = search(server, "/studies?includefield=all")[0]
    assert "00081030" in everything and "00080060" not in everything


def test_what_is_not_matched_and_what_is_cut_is_said(server):
    ignored = server.client.get("/studies?KVP=120&00091001=x&_=1732190000&PatientNme=Smith&includefield=Nothing")
    assert len(ignored.json()) == 3 and "Smith" not in str(ignored.headers)
    assert [text.split(": ")[1].split(" is not")[0] for text in ignored.headers.get_list("warning")] == [
        "KVP",
        "a private or unknown attribute",
    ]
    cut = server.client.get("/studies?limit=2")
    assert cut.headers["warning"] == f"299 {server.url}: There are additional results that can be requested"
    assert "warning" not in server.client.get("/studies?limit=3").headers


@pytest.mark.parametrize(
    "query",
    [
        "StudyDate=yesterday",
        "StudyInstanceUID=Smith",
        "limit=-1",
        "limit=1e3",
        "offset=9999999999999999999999",
        "fuzzymatching=perhaps",
        "PatientID=a&PatientID=b",
        "PatientID=%00Smith",
        "PatientID=*S*m*i*t*h*",
        "PatientID=" + "Smith" * 1000,
        "&".join(f"includefield=Rows&x{n}" for n in range(300)),
    ],
)
def test_a_query_that_is_malformed_is_refused_without_repeating_it(server, query):
    response = server.client.get(f"/studies?{query}")
    assert response.status_code == 400 and "Smith" not in response.text
    assert response.json()["error"]


def test_other_representations_are_refused(server):
    for accept, status in (("application/dicom+xml", 406), ("application/json", 200), ("*/*", 200)):
        assert server.client.get("/studies", headers={"Accept": accept}).status_code == status
    xml = 'multipart/related; type="application/dicom+xml"'
    assert server.client.get("/studies", headers={"Accept": xml}).status_code == 406
    assert server.client.get("/studies", params={"accept": "application/json"}).headers["content-type"] == (
        "application/json"
    )
    assert server.client.get("/studies/x/series").status_code == 400
    assert server.client.get(f"/studies/{STUDIES[0]}/series?StudyInstanceUID={STUDIES[1]}").status_code == 400
    assert server.client.get("/studies?PatientID=" + "a,b" * 20_000).status_code == 400


def test_dicomweb_client_finds_what_it_searches(server):
    client = DICOMwebClient(server.url)
    assert uids(client.search_for_studies(search_filters={"PatientName": "Doe*"}, fields=["StudyDescription"])) == [
        STUDIES[0]
    ]
    assert len(client.search_for_studies(limit=1, get_remaining=True)) == 3
    (series,) = client.search_for_series(STUDIES[1])
    (instance,) = client.search_for_instances(STUDIES[1], series["0020000E"]["Value"][0])
    assert instance["00080018"]["Value"] == [f"{STUDIES[1]}.1.1"]


NAMES_OF_PARAMETERS = st.one_of(
    st.sampled_from(["PatientName", "00100010", "StudyDate", "StudyTime", "limit", "offset", "includefield", "accept"]),
    st.sampled_from(["ModalitiesInStudy", "SOPInstanceUID", "00400275.00400009", "fuzzymatching", "", "charset"]),
    st.text(max_size=8),
)
VALUES = st.one_of(
    st.sampled_from(["20260101-", "*", "?", "1.2,1.3", "a\\b", '""', "-", "true", "1", "%", "\x00"]),
    st.just(b"\xed\xa0\x80"),  # a lone surrogate
    st.text(max_size=12),
    st.binary(max_size=8),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["/studies", "/series", "/instances", f"/studies/{STUDIES[0]}/instances"]),
    st.lists(st.tuples(NAMES_OF_PARAMETERS, VALUES), max_size=4),
)
def test_no_query_is_an_error_of_ours(server, path, parameters):
    response = server.client.get(path, params=[(name, value) for name, value in parameters])
    assert response.status_code in (200, 400, 406)
    assert isinstance(response.json(), list if response.status_code == 200 else dict)
