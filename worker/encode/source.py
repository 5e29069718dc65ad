"""One source image as the encoders see it: its UIDs, its size, how it is shown.

Says CannotEncode only where no valid reference can be made at all: without the image's four UIDs (PS3.3 C.12.1,
C.7.2.1, C.7.3.1) or without its size. Everything else may be missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from pydicom.dataset import Dataset

from worker.encode.reading import decimals, text, texts, unsigned
from worker.encode.request import CannotEncode, Reference, ReportRequest, SourceImage

_GREATEST = 2**31 - 1  # of an IS (PS3.5 6.2)


@dataclass(frozen=True, slots=True)
class Source:
    """A received header, read with care."""

    header: Dataset

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID, of the file meta information where the data set lacks it."""
        return self._uid("SOPInstanceUID", "MediaStorageSOPInstanceUID")

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID, of the file meta information where the data set lacks it."""
        return self._uid("SOPClassUID", "MediaStorageSOPClassUID")

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return self._uid("SeriesInstanceUID")

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return self._uid("StudyInstanceUID")

    @property
    def reference(self) -> Reference:
        """How other objects refer to the image."""
        return Reference(self.sop_class_uid, self.sop_instance_uid, self.series_uid, self.study_uid)

    @property
    def rows(self) -> int:
        """Rows, 0 when not stated."""
        return unsigned(self.header, "Rows") or 0

    @property
    def columns(self) -> int:
        """Columns, 0 when not stated."""
        return unsigned(self.header, "Columns") or 0

    @property
    def number(self) -> int:
        """Instance Number of our objects on the image: 1000 x Series Number + Instance Number, else the latter, else 1.

        So results of two series' first images are told apart. Only this image enters it: what is made of it stays the
        same when the study grows.
        """
        series, own = self.series_number, self.instance_number
        if series is None or own is None or own >= 1000 or 1000 * series + own > _GREATEST:
            return 1 if own is None else own
        return 1000 * series + own

    @property
    def series_number(self) -> int | None:
        """Series Number, None when it is not one."""
        return self._number("SeriesNumber")

    @property
    def instance_number(self) -> int | None:
        """Instance Number, None when it is not one."""
        return self._number("InstanceNumber")

    @property
    def taken(self) -> str:
        """Date and time of the acquisition, else of the content, as text that sorts by time; "" when not stated."""
        stated = text(self.header, "AcquisitionDateTime")
        for date, time in (("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime")):
            if not stated and text(self.header, date):
                stated = text(self.header, date) + text(self.header, time)
        return stated

    @property
    def frames(self) -> tuple[int, ...]:
        """The frame that was analysed of a multi-frame image; () for a single-frame one (PS3.3 C.18.4)."""
        count = decimals(self.header, "NumberOfFrames")
        return (1,) if count and count[0] > 1 else ()

    @property
    def monochrome(self) -> bool:
        """Whether a GSPS may refer to it (A.33.1.1); a grey image that forgot to say so is taken for one."""
        interpretation = text(self.header, "PhotometricInterpretation")
        samples = unsigned(self.header, "SamplesPerPixel")
        return interpretation.startswith("MONOCHROME") or (not interpretation and samples in (None, 0, 1))

    @property
    def inverted(self) -> bool:
        """Whether low values are white.

        Photometric Interpretation alone decides: C.8.11.3.1.2 derives the Presentation LUT Shape of a DX image from
        it, and devices that contradict themselves are known to be right there and wrong in the shape.
        """
        return text(self.header, "PhotometricInterpretation") == "MONOCHROME1"

    @property
    def orientation(self) -> tuple[str, str]:
        """Patient Orientation (row, column), ("", "") when it is not two usable values (C.7.6.1.1.1)."""
        values = texts(self.header, "PatientOrientation")
        usable = len(values) == 2 and all(value and set(value) <= set("APRLHF") for value in values)
        return (values[0], values[1]) if usable else ("", "")

    def _number(self, keyword: str) -> int | None:
        values = decimals(self.header, keyword)
        return int(values[0]) if len(values) == 1 and 0 <= values[0] <= _GREATEST else None

    def _uid(self, *keywords: str) -> str:
        for keyword in keywords:
            where = getattr(self.header, "file_meta", None) if keyword.startswith("Media") else self.header
            value = text(where, keyword) if where is not None else ""
            if value:
                return value
        raise CannotEncode(f"an image without {keywords[0]}")


def in_order(request: ReportRequest) -> tuple[SourceImage, ...]:
    """The request's images, checked, in an order that does not depend on how they were listed.

    Raises CannotEncode when they are not distinct images of one study, or do not fit their findings.
    """
    if not request.images:
        raise CannotEncode("no image")
    if request.analysed_at.tzinfo is None:
        raise CannotEncode("the time of analysis has no time zone")
    sources = [Source(image.header) for image in request.images]
    if len({source.study_uid for source in sources}) != 1:
        raise CannotEncode("the images belong to several studies")
    if len({source.sop_instance_uid for source in sources}) != len(sources):
        raise CannotEncode("an image is listed twice")
    for image in request.images:
        _check_fit(image)
    return tuple(sorted(request.images, key=_place))


def _check_fit(image: SourceImage) -> None:
    found, source = image.findings, Source(image.header)
    if found is None:
        if not image.not_analysed:
            raise CannotEncode("an image without findings and without a reason")
        return
    stated = source.columns or found.width, source.rows or found.height
    if stated != (found.width, found.height):
        raise CannotEncode("the findings are of another size than the image")


def _place(image: SourceImage) -> tuple[float, float, str, str, str]:
    """By the numbers that a viewer shows, then by time; what is not numbered comes last."""
    source = Source(image.header)
    series, own = (inf if number is None else number for number in (source.series_number, source.instance_number))
    return series, own, source.taken, source.series_uid, source.sop_instance_uid
