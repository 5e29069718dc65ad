"""Which items of a presentation state are for a given image: PS3.3 Table 10-3, C.11.11, and each module's 1C rule.

In Displayed Area, Softcopy VOI LUT and Graphic Annotation an item without Referenced Image Sequence is for all images.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset

from daemon.core.attributes import items, numbers, word


def for_image(sequence: Sequence[Dataset], image: Dataset) -> list[Dataset]:
    """The items that apply to `image`, in order."""
    return [item for item in sequence if _applies(items(item, "ReferencedImageSequence"), image)]


def is_referenced(state: Dataset, image: Dataset) -> bool:
    """Whether the Presentation State Relationship names the image (C.11.11)."""
    uid = word(image, "SOPInstanceUID")
    listed = [
        word(reference, "ReferencedSOPInstanceUID")
        for series in items(state, "ReferencedSeriesSequence")
        for reference in items(series, "ReferencedImageSequence")
    ]
    return bool(uid) and uid in listed


def _applies(references: Sequence[Dataset], image: Dataset) -> bool:
    uid = word(image, "SOPInstanceUID")
    return not references or any(
        word(reference, "ReferencedSOPInstanceUID") == uid
        and (not (frames := numbers(reference, "ReferencedFrameNumber")) or 1 in frames)
        for reference in references
    )
