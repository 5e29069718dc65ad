"""Why an answer of ours differs from that of Orthanc's plug-in, by request."""

from __future__ import annotations

from collections.abc import Mapping

EXPLAINED: Mapping[str, str] = {}
