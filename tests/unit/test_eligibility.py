from __future__ import annotations

import csv

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from daemon.core.eligibility import REFUSALS, Kind, judge
from tests.support.builders import make_cxr


def header(**attributes) -> Dataset:
    """A CR header that says nothing of part and view, and what a test adds."""
    bare = dict.fromkeys(("StudyDescription", "SeriesDescription", "BodyPartExamined", "ViewPosition"))
    return make_cxr(sop_class="CR", rows=8, columns=8, **{**bare, "PatientOrientation": "", **attributes})


def coded(value: str, meaning: str = "") -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return [item]


@pytest.mark.parametrize("sop_class", ["CR", "DX", "SC"])
@pytest.mark.parametrize("view", ["PA", "AP"])
def test_a_frontal_chest_radiograph_is_eligible(sop_class, view):
    assert judge(make_cxr(sop_class=sop_class, view=view, rows=8, columns=8)).kind is Kind.ELIGIBLE


@pytest.mark.parametrize("sop_class", ["CR", "DX", "SC"])
@pytest.mark.parametrize("view", ["LL", "RL"])
def test_a_lateral_is_set_aside(sop_class, view):
    verdict = judge(make_cxr(sop_class=sop_class, view=view, rows=8, columns=8))
    assert (verdict.kind, verdict.reason) == (Kind.SET_ASIDE, "lateral view")


def test_a_film_for_processing_is_set_aside():
    verdict = judge(make_cxr(sop_class="DX-PROCESSING", rows=8, columns=8))
    assert verdict.kind is Kind.SET_ASIDE
    assert "for processing" in verdict.reason


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"Modality": "CT"}, "Modality"),
        ({"Modality": "MG"}, "Modality"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "SOP class"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"PhotometricInterpretation": "RGB"}, "colour"),
        ({"NumberOfFrames": 12}, "frames"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "Image Type"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "Image Type"),
        ({"PatientSpeciesDescription": "Canis lupus familiaris"}, "animal"),
        ({"PatientSpeciesCodeSequence": coded("448771007", "Domestic dog")}, "animal"),
        ({"PatientBreedDescription": "Beagle"}, "animal"),
        ({"InstitutionName": "Tierärztliche Klinik"}, "animal"),
        ({"AcquisitionDeviceProcessingDescription": "CANINE LATERAL THORAX"}, "animal"),
        ({"QualityControlImage": "YES"}, "quality control"),
        ({"BodyPartExamined": "HIP"}, "pelvis or hip"),
        ({"BodyPartExamined": "THORACIC SPINE"}, "spine"),
        ({"BodyPartExamined": "", "AnatomicRegionSequence": coded("85562004", "Hand")}, "arm, hand or shoulder"),
        ({"BodyPartExamined": "", "StudyDescription": "Bäcken frontal"}, "pelvis or hip"),
        ({"ViewPosition": "RAO"}, "oblique view"),
        ({"ViewPosition": "LLD"}, "decubitus view"),
        ({"ViewPosition": "", "SeriesDescription": "AP left lateral decubitus"}, "decubitus view"),
        ({"ViewPosition": "", "SeriesDescription": "Thorax seitl."}, "lateral view"),
        ({"ViewPosition": "", "ViewCodeSequence": coded("399173006")}, "lateral view"),
        ({"ViewPosition": "", "PatientOrientation": ["A", "F"]}, "lateral view"),
        ({"ViewPosition": "LATERAL", "PatientOrientation": ["L", "F"]}, "lateral view"),
    ],
)  # fmt: skip
def test_what_is_no_frontal_chest_film_is_set_aside_with_its_reason(attributes, reason):
    verdict = judge(header(**{"BodyPartExamined": "CHEST", "ViewPosition": "PA", **attributes}))
    assert verdict.kind is Kind.SET_ASIDE
    assert reason in verdict.reason


@pytest.mark.parametrize("human", ["337915000", "L-85B00"])
def test_a_patient_who_is_said_to_be_human_is_read(human):
    told = {"PatientSpeciesCodeSequence": coded(human, "homo sapiens"), "PatientSpeciesDescription": "Homo sapiens"}
    assert judge(header(BodyPartExamined="CHEST", ViewPosition="PA", **told)).kind is Kind.ELIGIBLE


@pytest.mark.parametrize(
    "description",
    [
        "CHEST PA", "Thorax p.a.", "TORACE,FRN P->A", "Rx Tórax PA", "Radiographie pulmonaire de face",
        "CXR AP portable", "Thorax a.p. im Liegen", "Klatka piersiowa PA", "tórax frente", "胸部 正面", "ОГК прямая",
        "Chest_PA_erect", "THORAX P/A", "Tüdő PA", "Akciğer PA", "Lungor frontal",
    ],
)  # fmt: skip
def test_a_description_in_many_languages_tells_a_frontal_chest(description):
    assert judge(header(SeriesDescription=description)).kind is Kind.ELIGIBLE


@pytest.mark.parametrize(
    "description",
    [
        "CHEST LAT", "Thorax seitlich", "Thorax de profil", "Tórax perfil", "RX TORACE LATERALE", "Thorax dwars",
        "Klatka piersiowa boczne", "胸部 側面", "ОГК боковая", "Thorax left lateral",
    ],
)  # fmt: skip
def test_a_description_in_many_languages_tells_a_lateral(description):
    assert judge(header(SeriesDescription=description)).reason == "lateral view"


@pytest.mark.parametrize("description", ["Wirbelsäule ap", "RX BASSIN FACE", "cadera AP", "Knie bds. ap", "Abdomen AP"])
def test_a_description_of_another_part_sets_the_film_aside(description):
    assert judge(header(SeriesDescription=description)).reason.startswith("body part: ")


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"BodyPartExamined": "CHEST"},
        {"BodyPartExamined": "CHEST", "StudyDescription": "CHEST PA AND LATERAL"},
        {"ViewPosition": "PA"},
        {"BodyPartExamined": "RIBS", "ViewPosition": "AP"},
        {"BodyPartExamined": "CHEST", "ViewPosition": "PA", "SeriesDescription": "Thorax lateral"},
        {"BodyPartExamined": "CHEST", "ViewPosition": "PA", "PatientOrientation": ["A", "F"]},
        {"BodyPartExamined": "CHEST", "ViewPosition": "PA", "PatientOrientation": ["L", "H"]},
        {"BodyPartExamined": "CHEST", "ViewPosition": "PA", "SeriesDescription": "HIP"},
        {"BodyPartExamined": "ABDOMEN", "ViewPosition": "AP", "SeriesDescription": "CHEST"},
        {"BodyPartExamined": "CHEST", "SeriesDescription": "apical lordotic"},
        {
            "BodyPartExamined": "CHEST",
            "ViewPosition": "PA",
            "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7",
            "Modality": "OT",
        },
    ],
)
def test_a_header_that_is_silent_or_contradicts_itself_leaves_it_to_the_picture(attributes):
    assert judge(header(**attributes)).kind is Kind.ASK_PICTURE


def test_another_part_in_the_study_does_not_contradict_this_film():
    film = header(BodyPartExamined="CHEST", ViewPosition="PA", StudyDescription="CHEST AND ABDOMEN")
    assert judge(film).kind is Kind.ELIGIBLE


def test_a_reason_never_repeats_what_the_sender_wrote():
    name = "Meier^Anna"
    texts = ("BodyPartExamined", "ViewPosition", "SeriesDescription", "StudyDescription", "Modality", "InstitutionName")
    for keyword in texts:
        verdict = judge(header(**{keyword: name[:16]}))
        assert "meier" not in verdict.reason.lower(), keyword


def test_every_refusal_has_a_reason_of_its_own():
    assert len({rule.reason for rule in REFUSALS}) == len(REFUSALS)


JUDGED = [
    "SOPClassUID", "Modality", "PresentationIntentType", "ImageType", "BodyPartExamined", "ViewPosition",
    "PatientOrientation", "StudyDescription", "SeriesDescription", "ProtocolName", "SamplesPerPixel", "NumberOfFrames",
    "PhotometricInterpretation", "PatientSpeciesDescription", "PatientSpeciesCodeSequence", "AnatomicRegionSequence",
    "ViewCodeSequence", "RequestAttributesSequence", "ProcedureCodeSequence", "InstitutionName", "QualityControlImage",
]  # fmt: skip
VRS = ["CS", "LO", "US", "SS", "IS", "DS", "SQ", "UI", "OB", "UN", "PN", "FD", "ST", "AT"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(JUDGED), st.sampled_from(VRS), st.binary(max_size=48)), max_size=8))
def test_no_bytes_of_any_vr_make_judging_raise(elements):
    ds = Dataset()
    for keyword, vr, value in elements:
        tag = Tag(tag_for_keyword(keyword))
        ds._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    verdict = judge(ds)
    assert isinstance(verdict.kind, Kind)
    assert verdict.reason


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([name for name in JUDGED if not name.endswith("Sequence")]),
        st.one_of(st.none(), st.text(max_size=20), st.lists(st.text(max_size=8), max_size=4), st.integers(0, 65535)),
    )
)
def test_no_value_of_the_wrong_kind_makes_judging_raise(attributes):
    ds = Dataset()
    for keyword, value in attributes.items():
        try:
            setattr(ds, keyword, value)
        except Exception:  # noqa: BLE001  pydicom itself refuses some; the rest is what this test is about
            continue
    assert isinstance(judge(ds).kind, Kind)


def test_each_catalogued_file_is_judged_as_its_use_says(data_folder):
    frontal = {"gdcm-CR-MONO1-10-chest.dcm", "RG1_J2KI.dcm", "cxr.dcm", "siim-sc-mono2.dcm", "chrJapMulti.dcm"}
    for row in csv.DictReader((data_folder / "dicom" / "CATALOG.csv").read_text("utf-8").splitlines()):
        kind = judge(dcmread(data_folder / "dicom" / row["file"], stop_before_pixels=True)).kind
        wanted = Kind.ELIGIBLE if row["file"] in frontal else Kind.SET_ASIDE
        assert kind is (Kind.ASK_PICTURE if row["what"] == "test pattern" else wanted), row["file"]


def test_all_original_films_of_the_challenge_are_eligible(data_folder):
    films = sorted((data_folder / "dicom" / "rsna").glob("*.dcm"))
    kinds = [judge(dcmread(film, stop_before_pixels=True)).kind for film in films]
    assert kinds == [Kind.ELIGIBLE] * 32
