"""What the SR says, and how: TID 1500 and what viewers insist on (worker/encode/profiles.py)."""

import pytest
from pydicom import Dataset

from daemon.conform import Expected, faults
from model.findings import Box, Findings, Lesion
from tests.support.content_items import children, code, everything, texts
from tests.support.reports import make_findings, make_header, make_image, make_request, written
from worker.encode import SourceImage
from worker.encode.codes import FINDINGS

BOX, OTHER = (50.25, 60.5, 120.75, 140.125), (260.0, 200.0, 380.0, 300.0)
PROFILES = ("air", "stone", "ohif")
SOP_CLASSES = {"air": "88.34", "stone": "88.33", "ohif": "88.33"}


def groups(ds: Dataset, template: str = "") -> list[Dataset]:
    """The measurement groups of a document, of one template or all."""
    (measurements,) = children(ds, "126010", "CONTAINER")
    found = children(measurements, "125007", "CONTAINER")
    return [g for g in found if not template or g.ContentTemplateSequence[0].TemplateIdentifier == template]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_document_is_an_unverified_imaging_measurement_report(profile: str) -> None:
    ds = written(make_request(make_image(BOX)), "sr", profile)

    assert ds.SOPClassUID.endswith(SOP_CLASSES[profile])
    assert code(ds) == "126000" and ds.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (ds.CompletionFlag, ds.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert "AI, unverified" in ds.SeriesDescription and "AI result, unverified" in texts(ds)
    assert "PerformedProcedureCodeSequence" in ds and "ReferencedPerformedProcedureStepSequence" in ds
    assert [code(item) for item in children(ds)[:4]] == ["121049", "121005", "121012", "121013"]
    assert code(children(ds, "121005")[0], "ConceptCodeSequence") == "121007"  # a device, not a person


@pytest.mark.parametrize("profile", PROFILES)
def test_every_content_item_is_named_with_a_meaning(profile: str) -> None:
    ds = written(make_request(make_image(BOX)), "sr", profile)

    assert all(item.ConceptNameCodeSequence[0].CodeMeaning for item in everything(ds))


@pytest.mark.parametrize("profile", PROFILES)
def test_the_evidence_and_the_image_library_list_every_image_once(profile: str) -> None:
    header = make_header(study_uid="1.2.3")
    images = [make_image(BOX, header=header), make_image(study_uid="1.2.3", series_uid=header.SeriesInstanceUID)]
    images.append(SourceImage(make_header(study_uid="1.2.3"), "1", None, "the pixels are broken"))

    ds = written(make_request(*images), "sr", profile)

    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    listed = [sop.ReferencedSOPInstanceUID for se in study.ReferencedSeriesSequence for sop in se.ReferencedSOPSequence]
    (library,) = children(ds, "111028", "CONTAINER")
    (group,) = children(library, "126200", "CONTAINER")
    shown = [entry.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for entry in children(group, "", "IMAGE")]
    assert sorted(listed) == sorted(shown) == sorted(image.header.SOPInstanceUID for image in images)
    assert len(study.ReferencedSeriesSequence) == 2


@pytest.mark.parametrize("profile", PROFILES)
def test_each_lesion_is_a_planar_roi_with_finding_site_algorithm_and_certainty(profile: str) -> None:
    ds = written(make_request(make_image(BOX, OTHER)), "sr", profile)

    found = groups(ds, "1410")
    assert [children(group, "112039")[0].TextValue for group in found] == ["lesion 1", "lesion 2"]
    for group, percent in zip(found, (87.0, 77.0), strict=True):
        (number,) = children(group, "111012", "NUM")
        measured = number.MeasuredValueSequence[0]
        assert float(measured.NumericValue) == percent
        assert measured.MeasurementUnitsCodeSequence[0].CodeValue == "%"
        assert code(children(group, "121071")[0], "ConceptCodeSequence") == "27925004"
        assert code(children(group, "363698007")[0], "ConceptCodeSequence") == "39607008"
        assert code(children(group, "130400")[0], "ConceptCodeSequence") == "75958009"
        assert children(group, "111001")[0].TextValue == "thoraxd detector"
        assert children(group, "111003")[0].TextValue == "0.1.0"
        assert "sensitivity 0.95" in texts(group) and "30.0 %" in texts(group)
    assert not children(ds, "111047")  # never "Probability of cancer"


@pytest.mark.parametrize("label", [*FINDINGS, "Infiltration", "lung_opacity", "Something New"])
def test_every_label_becomes_a_coded_finding(label: str) -> None:
    found = Findings(400, 512, 0.9, 0.3, (Lesion(BOX, 0.8, label, shown=True),))

    ds = written(make_request(SourceImage(make_header(), "0", found)), "sr")

    expected = {"Infiltration": "112121", "lung_opacity": "112001", "Something New": "112033"}
    (group,) = groups(ds, "1410")
    coded = code(children(group, "121071")[0], "ConceptCodeSequence")
    assert coded == (expected.get(label) or FINDINGS[label].code.value)
    assert label in texts(group)


@pytest.mark.parametrize(
    ("orientation", "box", "side"),
    [
        (["L", "F"], BOX, "24028007"),
        (["L", "F"], OTHER, "7771000"),
        (["R", "F"], BOX, "7771000"),
        (["L", "F"], (150.0, 60.0, 250.0, 140.0), None),
        (None, BOX, None),
        (["L"], BOX, None),
        (["F", "L"], BOX, None),
    ],
)
def test_a_side_is_named_only_where_the_header_says_which_and_the_box_is_clear_of_the_middle(
    orientation: list[str] | None, box: tuple[float, float, float, float], side: str | None
) -> None:
    ds = written(make_request(make_image(box, PatientOrientation=orientation)), "sr")

    (site,) = children(groups(ds, "1410")[0], "363698007")
    said = [code(item, "ConceptCodeSequence") for item in children(site, "272741003")]
    assert said == ([side] if side else [])


@pytest.mark.parametrize(
    ("probability", "summary", "words"),
    [(0.9, "111242", "AI: study abnormal, 90 %"), (0.1, "111241", "no finding above operating point, 10 %")],
)
@pytest.mark.parametrize("marking", [True, False])
@pytest.mark.parametrize("profile", PROFILES)
def test_the_study_has_a_probability_and_an_explicit_answer(
    profile: str, marking: bool, probability: float, summary: str, words: str
) -> None:
    ds = written(make_request(make_image(probability=probability)), "sr", profile, marking)

    numbers = [item for item in everything(ds) if item.ValueType == "NUM" and code(item) == "111012"]
    assert [float(item.MeasuredValueSequence[0].NumericValue) for item in numbers] == [100 * probability]
    answers = [item for item in everything(ds) if item.ValueType == "CODE" and code(item) == "111017"]
    assert [code(item, "ConceptCodeSequence") for item in answers] == [summary]
    assert words in texts(ds) and "sensitivity 0.95 on held-out films" in texts(ds)


@pytest.mark.parametrize("profile", PROFILES)
def test_an_image_that_was_not_analysed_is_named_with_its_reason_and_never_called_normal(profile: str) -> None:
    analysed = make_image(study_uid="1.2.3", probability=0.1)
    broken = SourceImage(make_header(study_uid="1.2.3"), "1", None, "the pixels are broken")

    ds = written(make_request(analysed, broken), "sr", profile)

    answers = [item for item in everything(ds) if item.ValueType == "CODE" and code(item) == "111017"]
    assert sorted(code(item, "ConceptCodeSequence") for item in answers) == ["111241", "111243", "111245"]
    assert "not analysed (the pixels are broken); no statement on this image" in texts(ds)
    assert "1 of 2 eligible chest radiographs analysed" in texts(ds)


@pytest.mark.parametrize("profile", PROFILES)
def test_only_shown_lesions_are_written(profile: str) -> None:
    ds = written(make_request(make_image(BOX)), "sr", profile)

    assert len(groups(ds, "1410")) == 1 and "Mass" not in texts(ds)


@pytest.mark.parametrize("profile", ["air", "stone", "ohif"])
def test_every_measurement_group_has_a_template_and_a_tracking_uid_as_its_only_uid(profile: str) -> None:
    images = [make_image(BOX, OTHER, study_uid="1.2.3"), make_image(BOX, study_uid="1.2.3")]

    found = groups(written(make_request(*images), "sr", profile))

    uids = []
    for group in found:
        (uid,) = children(group, "", "UIDREF")
        uids.append(uid.UID)
        assert group.ContentTemplateSequence[0].MappingResource == "DCMR"
    assert len(set(uids)) == len(found) == 3  # lesions: what is said of films and study is no group


def test_stone_finds_every_region_by_its_own_rules() -> None:
    ds = written(make_request(make_image(BOX, OTHER)), "sr", "stone")

    # OrthancStone/Sources/Toolbox/DicomStructuredReport.cpp
    listed = ds.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    drawn = []
    for group in groups(ds, "1410"):
        for region in children(group, "111030", "SCOORD"):
            (source,) = children(region, "111040", "IMAGE")
            assert (region.RelationshipType, source.RelationshipType) == ("CONTAINS", "SELECTED FROM")
            assert source.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == listed[0].ReferencedSOPInstanceUID
            assert "ReferencedFrameNumber" not in source.ReferencedSOPSequence[0]
            drawn.append(region.GraphicType)
    assert drawn == ["POLYLINE", "POLYLINE"]


def test_ohif_finds_a_region_in_every_group_and_again_under_its_first_number() -> None:
    ds = written(make_request(make_image(BOX, OTHER)), "sr", "ohif")

    assert len(groups(ds)) == len(groups(ds, "1410")) == 2
    for group in groups(ds):
        (region,) = children(group, "111030", "SCOORD")
        (copy,) = children(children(group, "", "NUM")[0], "", "SCOORD")
        assert copy.RelationshipType == "INFERRED FROM"
        assert list(copy.GraphicData) == list(region.GraphicData)
    (said,) = children(ds, "C0034375", "CONTAINER")  # the study's result is outside the measurements
    assert [item.ValueType for item in children(said)] == ["CODE", "NUM", "TEXT"]


@pytest.mark.parametrize(("boxes", "marking"), [((), True), ((BOX,), False)])
def test_a_report_without_lesions_is_to_ohif_no_measurement_report(boxes: tuple[Box, ...], marking: bool) -> None:
    """OHIF 3.12 cannot open an Imaging Measurement Report without a measurement (worker/encode/profiles.py)."""
    request = make_request(make_image(*boxes))
    ds, as_published = written(request, "sr", "ohif", marking), written(request, "sr", "air", marking)

    assert code(ds) == "112000" and "ContentTemplateSequence" not in ds and not children(ds, "126010")
    assert code(as_published) == "126000" and children(as_published, "126010")
    assert texts(ds) == texts(as_published)


def test_the_order_is_named_when_it_is_known() -> None:
    attributes = Dataset()
    attributes.RequestedProcedureID, attributes.RequestedProcedureDescription = "RP1", "Thorax"
    header = make_header(AccessionNumber="A77", RequestAttributesSequence=[attributes])

    known = written(make_request(make_image(header=header)), "sr")
    unknown = written(make_request(make_image(AccessionNumber=None)), "sr")

    (order,) = known.ReferencedRequestSequence
    assert (order.AccessionNumber, order.RequestedProcedureID) == ("A77", "RP1")
    assert order.StudyInstanceUID == header.StudyInstanceUID
    assert "ReferencedRequestSequence" not in unknown


def test_each_order_of_a_film_is_named_with_its_own_accession_number_or_the_films() -> None:
    def requested(procedure: str, **more: str) -> Dataset:
        item = Dataset()
        item.RequestedProcedureID = procedure
        for keyword, value in more.items():
            setattr(item, keyword, value)
        return item

    film = make_image(AccessionNumber="A77", RequestAttributesSequence=[
        requested("RP1", AccessionNumber="A78", ScheduledProcedureStepID="S1"),
        requested("RP1", AccessionNumber="A78", ScheduledProcedureStepID="S2"),
        requested("RP2", RequestedProcedureDescription="Thorax"),
    ])  # fmt: skip

    for kind in ("sr", "text-sr", "kos"):
        ds = written(make_request(film), kind)
        told = [(order.RequestedProcedureID, order.AccessionNumber) for order in ds.ReferencedRequestSequence]
        assert told == [("RP1", "A78"), ("RP2", "A77")]
        assert [order.RequestedProcedureDescription for order in ds.ReferencedRequestSequence] == ["", "Thorax"]
        assert {order.StudyInstanceUID for order in ds.ReferencedRequestSequence} == {ds.StudyInstanceUID}
        assert faults(ds, [film.header], Expected(kind, "air" if kind == "sr" else "")) == []
        ds.ReferencedRequestSequence[0].AccessionNumber = "A77"
        ds.ReferencedRequestSequence[1].RequestedProcedureID = "RP1"
        assert {fault.rule for fault in faults(ds, [film.header], Expected(kind, "air" if kind == "sr" else ""))} == {
            "order"
        }


def test_a_multi_frame_film_is_referenced_by_its_first_frame() -> None:
    ds = written(make_request(make_image(BOX, NumberOfFrames="2")), "sr", "stone")

    (region,) = children(groups(ds, "1410")[0], "111030")
    assert children(region)[0].ReferencedSOPSequence[0].ReferencedFrameNumber == 1


@pytest.mark.parametrize(("kind", "profile"), [("sr", profile) for profile in PROFILES] + [("gsps", "")])
def test_triage_only_output_holds_no_location_anywhere(kind: str, profile: str) -> None:
    marked, triage = (
        written(make_request(SourceImage(make_header(), "0", make_findings(BOX, OTHER))), kind, profile, marking)
        for marking in (True, False)
    )

    located = ("GraphicData", "GraphicType", "TrackingUID", "AnchorPoint")
    assert {element.keyword for element in marked.iterall()} & set(located)
    assert not {element.keyword for element in triage.iterall()} & set(located)
    told = " ".join(str(element.value) for element in triage.iterall() if element.VR in ("ST", "UT", "LO", "CS"))
    assert not any(word in told.lower() for word in ("lesion", "nodule", "marked", "lung"))
    sites = [item for item in everything(triage) if code(item) in ("363698007", "272741003", "121071")]
    assert all(code(item, "ConceptCodeSequence") == "118247008" for item in sites)
