"""The Parametric Map says what the heat map says, where the film is, and nothing without marking."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from torch.nn.functional import interpolate

from model.findings import HeatMap
from tests.support.reports import make_findings, make_image, make_request, one
from worker.answers import Answer
from worker.encode import SourceImage, encode
from worker.encode.parametric_map import stored_values

KIND = "parametric-map"


def hot_spot(rows: int = 32, columns: int = 32) -> HeatMap:
    """Hottest (0.8) at three tenths of the width and six tenths of the height."""
    y, x = (np.mgrid[:rows, :columns] + 0.5) / np.array([rows, columns])[:, None, None]
    heat = 0.8 * np.exp(-((x - 0.3) ** 2 + (y - 0.6) ** 2) / 0.02)
    return HeatMap(rows, columns, tuple(heat.round(3).ravel().tolist()))


def seen(heat: HeatMap | None = None, probability: float = 0.9, **film: Any) -> SourceImage:
    """An analysed film with a heat map."""
    image = make_image((100.0, 280.0, 140.0, 330.0), probability=probability, **film)
    assert image.findings
    return replace(image, findings=replace(image.findings, heat=heat or hot_spot()))


def written(image: SourceImage, **changes: Any) -> Dataset:
    """The one map of the film, written and read back with its pixels."""
    return dcmread(DicomBytesIO(one(make_request(image, **changes), KIND).to_bytes()))


def real_world(ds: Dataset) -> np.ndarray:
    """What the object says its pixels mean, as PS3.3 C.7.6.16.2.11.1.2 computes it."""
    mapping = ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "%"
    pixels = ds.pixel_array
    assert mapping.RealWorldValueFirstValueMapped <= pixels.min()
    assert pixels.max() <= mapping.RealWorldValueLastValueMapped
    values: np.ndarray = pixels * mapping.RealWorldValueSlope + mapping.RealWorldValueIntercept
    return values


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_map_is_stretched_as_others_stretch_it(data: st.DataObject) -> None:
    """Between the middles of its cells, linear: torch's bilinear interpolation is the independent opinion."""
    small = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    large = data.draw(st.integers(1, 200)), data.draw(st.integers(1, 200))
    heat = np.random.default_rng(data.draw(st.integers(0, 999))).random(small).round(3)

    stored = stored_values(HeatMap(*small, tuple(heat.ravel().tolist())), *large)

    theirs = interpolate(torch.from_numpy(heat)[None, None], size=large, mode="bilinear", align_corners=False)
    assert stored.dtype == np.uint16 and stored.shape == large
    assert stored / 10_000 == pytest.approx(theirs[0, 0].numpy(), abs=0.000051)


def test_the_pixels_say_the_heat_in_percent() -> None:
    ds = written(seen(rows=512, columns=512))

    assert (ds.Rows, ds.Columns, ds.NumberOfFrames) == (512, 512, 1)
    cells = np.array(hot_spot().values).reshape(32, 32)
    # 16 pixels a cell: the middle of a cell is where four of them meet
    middles = real_world(ds).reshape(32, 16, 32, 16)[:, 7:9, :, 7:9].mean((1, 3))
    assert middles == pytest.approx(100 * cells, abs=0.3)


@pytest.mark.parametrize(
    ("film", "size"),
    [
        ({"rows": 700, "columns": 500}, (512, 366)),
        ({"rows": 300, "columns": 900}, (171, 512)),
        ({"rows": 400, "columns": 400, "pixel_spacing": (0.2, 0.1)}, (512, 256)),  # twice as high as wide
        ({"rows": 400, "columns": 400, "pixel_spacing": None, "PixelAspectRatio": [1, 2]}, (256, 512)),
        ({"rows": 40, "columns": 5000, "pixel_spacing": None}, (4, 512)),
    ],
)
def test_the_map_covers_the_film_in_square_pixels(film: dict[str, Any], size: tuple[int, int]) -> None:
    ds = written(seen(**film))

    assert (ds.Rows, ds.Columns) == size and "PixelAspectRatio" not in ds
    measures = ds.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    spacing = film.get("pixel_spacing", (0.143, 0.143))
    if spacing is None:
        assert "PixelSpacing" not in measures
    else:
        stated = make_image(**film).header.PixelSpacing
        extent = [pitch * count for pitch, count in zip(measures.PixelSpacing, size, strict=True)]
        assert extent == pytest.approx([stated[0] * film["rows"], stated[1] * film["columns"]])
        assert measures.PixelSpacing[0] == pytest.approx(measures.PixelSpacing[1], rel=0.02)
    y, x = np.unravel_index(ds.pixel_array.argmax(), ds.pixel_array.shape)
    assert ((x + 0.5) / ds.Columns, (y + 0.5) / ds.Rows) == pytest.approx((0.3, 0.6), abs=1 / 31)


def test_the_film_is_the_one_source_and_is_covered() -> None:
    image = seen()
    ds = written(image)

    (derivation,) = ds.SharedFunctionalGroupsSequence[0].DerivationImageSequence
    (source,) = derivation.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == image.header.SOPInstanceUID
    assert source.ReferencedSOPClassUID == image.header.SOPClassUID
    assert source.SpatialLocationsPreserved == "YES"
    (series,) = ds.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == image.header.SeriesInstanceUID
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence] == [
        image.header.SOPInstanceUID
    ]


def test_it_says_what_it_is_and_that_nobody_has_verified_it() -> None:
    ds = written(seen())

    assert ds.SeriesDescription == "AI, unverified: chest heat map" and ds.SeriesNumber == 9500
    assert ds.ContentLabel == "AI_UNVERIFIED"
    assert ds.ContentDescription == "AI: abnormal, 90 %, 1 marked, unverified"
    mapping = ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.LUTExplanation.startswith("AI, unverified")
    meant = [
        (item.ConceptNameCodeSequence[0].CodeMeaning, item.ConceptCodeSequence[0].CodeMeaning)
        for item in mapping.QuantityDefinitionSequence
    ]
    assert meant == [("Quantity", "Class activation"), ("Finding", "Lesion")]
    assert (ds.Modality, ds.BurnedInAnnotation, ds.LossyImageCompression) == ("OT", "NO", "00")


def test_a_negative_film_has_its_map_and_says_so() -> None:
    ds = written(seen(hot_spot(), probability=0.1))

    assert "below operating point" in ds.ContentDescription or "no finding" in ds.ContentDescription


def test_black_is_no_chance_and_white_is_certainty() -> None:
    """PS3.3 C.11.2.1.2.1, LINEAR: the same greys on every film, so that a calm film looks calm."""
    voi = written(seen()).SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0]
    centre, width = float(voi.WindowCenter), float(voi.WindowWidth)
    assert centre - 0.5 - (width - 1) / 2 == 0 and centre - 0.5 + (width - 1) / 2 == 10_000


@pytest.mark.parametrize(
    ("stated", "kept"),
    [("1.2.840.99.7", "1.2.840.99.7"), (None, "2.25."), ("not a uid", "2.25."), ("", "2.25.")],
)
def test_the_frame_of_reference_is_the_films_own_if_it_has_one(stated: str | None, kept: str) -> None:
    image = seen(FrameOfReferenceUID=stated, PositionReferenceIndicator="STERNAL NOTCH")
    ds = written(image)

    assert ds.FrameOfReferenceUID.startswith(kept)
    assert ds.PositionReferenceIndicator == ("STERNAL NOTCH" if stated == kept else "")
    assert not ds.SharedFunctionalGroupsSequence[0].PlanePositionSequence[0].keys()  # where the film lies is not known


def test_a_film_that_was_compressed_with_loss_gives_a_map_that_says_so() -> None:
    ds = written(
        seen(LossyImageCompression="01", LossyImageCompressionRatio="9.5", LossyImageCompressionMethod="ISO_10918_1")
    )

    assert (ds.LossyImageCompression, ds.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert ds.LossyImageCompressionRatio == 9.5


def test_every_film_has_a_map_in_a_series_of_its_own_which_the_study_does_not_change() -> None:
    first, second = (seen(study_uid="1.2.3", InstanceNumber=number) for number in (1, 2))

    alone = encode(make_request(first), KIND)
    both = encode(make_request(first, second, revision=2), KIND)

    assert {made.source_sop_uid for made in both} == {one.header.SOPInstanceUID for one in (first, second)}
    assert len({made.dataset.SeriesInstanceUID for made in both}) == 2
    assert alone[0].to_bytes() in [made.to_bytes() for made in both]


def test_the_same_request_gives_the_same_bytes_and_a_withdrawn_one_another_object() -> None:
    image = seen()
    first, again = (one(make_request(image), KIND).to_bytes() for _ in range(2))

    assert first == again
    assert written(image).SOPInstanceUID != written(image, generation=1).SOPInstanceUID


def test_without_marking_without_analysis_or_without_a_heat_map_there_is_none() -> None:
    image = seen()
    not_analysed = replace(image, findings=None, not_analysed="the pixels are broken")
    older = replace(image, findings=make_findings(width=image.header.Columns, height=image.header.Rows))

    assert encode(make_request(image), KIND, marking=False) == ()
    assert encode(make_request(not_analysed), KIND) == encode(make_request(older), KIND) == ()


def test_the_ledger_keeps_the_map_and_knows_answers_from_before_there_were_any() -> None:
    found, identity = replace(make_findings(), heat=hot_spot()), make_request().identity
    answer = Answer(found, identity, modality_range=(0.0, 4095.0))

    text = answer.to_json()

    assert Answer.from_json(text) == answer and Answer.from_json(text).to_json() == text
    start, end = text.index('"heat": {'), text.index("}", text.index('"heat": {'))
    older = text[:start] + text[end + 3 :]  # as the last release wrote it: no such key
    assert "heat" not in older
    assert Answer.from_json(older) == replace(answer, findings=replace(found, heat=None))
