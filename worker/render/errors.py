"""Why an object cannot be drawn. Reasons name attributes, classes and counts, never patient data."""

from __future__ import annotations

from daemon.core.errors import ThoraxdError


class CannotRender(ThoraxdError):  # noqa: N818  named by what the caller must know
    """No picture can be made of this object with these images."""
