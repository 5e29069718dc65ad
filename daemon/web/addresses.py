"""Where DICOMweb resources are: PS3.18 tables 10.1-1 and 10.4.1-1 to 4."""

from __future__ import annotations

from starlette.requests import Request

ROOT = "/dicom-web"
STUDY = ROOT + "/studies/{study}"
SERIES = STUDY + "/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"


def service_url(request: Request) -> str:
    """The service's root as the client reached it, without a slash at its end."""
    return str(request.base_url).rstrip("/") + ROOT


def retrieve_url(service: str, study_uid: str, series_uid: str = "", sop_uid: str = "") -> str:
    """Of a study, a series or an instance of the service at the URL `service`."""
    url = f"{service}/studies/{study_uid}"
    if series_uid:
        url += f"/series/{series_uid}"
    return f"{url}/instances/{sop_uid}" if sop_uid else url
