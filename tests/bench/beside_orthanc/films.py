"""The films that both servers get: three studies of two patients, one of them with an ideographic name."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import JPEGLSLossless, generate_uid

from tests.support.builders import make_cxr


@dataclass(frozen=True, slots=True)
class Films:
    """first: two DX instances in two series; second: a CR in JPEG-LS; third: a CR with a name in three groups."""

    first: tuple[Dataset, Dataset]
    second: Dataset
    third: Dataset

    @property
    def all(self) -> tuple[Dataset, ...]:
        """Every instance."""
        return (*self.first, self.second, self.third)


def make_films() -> Films:
    """New UIDs each time, everything else the same."""
    study = generate_uid()
    common = {"patient_name": "Doe^Jane", "patient_id": "P-1", "StudyDate": "20260301", "StudyTime": "101500"}
    first = tuple(
        make_cxr(sop_class="DX", view=view, study_uid=study, AccessionNumber="A1", InstanceNumber=number, **common)
        for number, view in ((1, "PA"), (2, "LL"))
    )
    second = make_cxr(
        sop_class="CR",
        transfer_syntax=JPEGLSLossless,
        AccessionNumber="A2",
        StudyDescription="Follow-up",
        **common | {"StudyDate": "20260415"},
    )
    third = make_cxr(
        sop_class="CR",
        patient_name="Yamada^Tarou=山田^太郎=やまだ^たろう",
        patient_id="P-2",
        SpecificCharacterSet="ISO_IR 192",
        AccessionNumber="A3",
        StudyDate="20250101",
        StudyTime="080000",
    )
    return Films((first[0], first[1]), second, third)
