"""The stored values of an image that is to be drawn; what cannot be decoded says why, whatever pydicom raises."""

from __future__ import annotations

import warnings

from pydicom import Dataset

from worker.pixels.decode import Stored, stored_values
from worker.pixels.errors import PixelsUnreadable


def stored_of(image: Dataset) -> Stored:
    """The image's stored values. Raises PixelsUnreadable, and nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd values; what matters is raised
        try:
            return stored_values(image)
        except PixelsUnreadable:
            raise
        except MemoryError as error:
            raise PixelsUnreadable("the image is too large for this machine") from error
        except Exception as error:  # pydicom has no closed set of errors for broken values
            raise PixelsUnreadable(f"the image is damaged ({type(error).__name__})") from error
