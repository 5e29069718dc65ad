"""What the encoder is asked for, and what it hands back: values only.

One request holds every eligible image of one study with the detector's findings; one `Encoded` is one DICOM object
ready to be sent, one `EncodedMessage` one HL7 message. PS3.3 A.35.3 and A.35.13 (Comprehensive and Comprehensive 3D
SR), A.33.1 (GSPS).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from model.findings import Findings, ModelIdentity
from worker.encode.reading import muted


class CannotEncode(ValueError):  # noqa: N818 - named for what the caller must know
    """The request cannot become a valid object; the message gives the reason and holds no patient data."""


class Reference(NamedTuple):
    """One object of a study, by the four UIDs that every DICOM reference needs."""

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    study_uid: str


class Maker(Protocol):
    """Who makes an object: which weights, at which station."""

    @property
    def identity(self) -> ModelIdentity:
        """The weights."""
        ...

    @property
    def station(self) -> str:
        """Our AE title."""
        ...


@dataclass(frozen=True, slots=True)
class SourceImage:
    """One eligible image and what became of it.

    header: the data set as received, without PixelData. digest: SHA-256 hex of the archived bytes.
    findings: None when the image was not analysed; `not_analysed` then says why, without patient data.
    analysed_at: when this image was analysed, timezone-aware; None takes the request's. It enters the image's GSPS,
    so a later revision of the study must pass the same value again.
    modality_range: least and greatest value of the picture after its Modality LUT; the GSPS uses it as the window
    of an image that states none.
    picture: decodes the film anew, float32 [rows, columns] in [0, 1], bright = dense; None where its pixels cannot be
    read. For forms that draw; the others never call it.
    """

    header: Dataset
    digest: str
    findings: Findings | None
    not_analysed: str = ""
    analysed_at: datetime | None = None
    modality_range: tuple[float, float] | None = None
    picture: Callable[[], NDArray[np.float32] | None] = field(default=lambda: None, compare=False)


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Everything that the result objects of one study say; with no analysed image, that and why there is no result.

    analysed_at: timezone-aware, from the ledger, so that a retry gives the same bytes; only its wall clock is written.
    revision: 1, 2, …; becomes Instance Number. predecessors: the SR that this one replaces, in the same profile.
    set_aside: why each other image of the study was not looked at, without patient data.
    station: our AE title. generation: how often results of this study were withdrawn; it enters every UID, since an
    instance that a PACS was told to reject must not come back under the same UID (IHE RAD TF-1 33, IOCM).
    """

    images: tuple[SourceImage, ...]
    identity: ModelIdentity
    analysed_at: datetime
    revision: int
    predecessors: tuple[Reference, ...] = ()
    station: str = "THORAXD"
    generation: int = 0
    set_aside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoded:
    """One finished object.

    profile: the SR flavour, "" for other forms. source_sop_uid: the one image that it is about, "" for the study's.
    """

    kind: str
    profile: str
    marking: bool
    source_sop_uid: str
    dataset: Dataset

    def to_bytes(self) -> bytes:
        """The DICOM file (PS3.10), Explicit VR Little Endian; the same request gives the same bytes in any process."""
        buffer = BytesIO()
        with muted():  # patient attributes are carried as they came, whatever pydicom thinks of them
            dcmwrite(buffer, self.dataset, enforce_file_format=True)
        return buffer.getvalue()

    @property
    def sop_uid(self) -> str:
        """SOP Instance UID."""
        return str(self.dataset.SOPInstanceUID)

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return str(self.dataset.SeriesInstanceUID)

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID."""
        return str(self.dataset.SOPClassUID)


@dataclass(frozen=True, slots=True)
class EncodedMessage:
    """One finished HL7 message. sop_uid: by which the ledger knows it; it is no SOP instance and has no series."""

    kind: str
    marking: bool
    sop_uid: str
    content: bytes
    profile: str = ""
    source_sop_uid: str = ""
    series_uid: str = ""
    sop_class_uid: str = ""

    def to_bytes(self) -> bytes:
        """The message without its frame."""
        return self.content
