"""Why an answer of ours differs from that of Orthanc's plug-in, by request."""

from __future__ import annotations

from collections.abc import Mapping

# PS3.18 F.2.2: JSON is UTF-8, and Specific Character Set says so or is absent.
_CHARSET = "we name the answer's character set, Orthanc the stored file's"
_NAME = f"{_CHARSET}, and it leaves out a name's ideographic and phonetic groups"
_RELATIONAL = "PS3.18 10.6.3: what the levels above are is told where the request does not name them"

EXPLAINED: Mapping[str, str] = {
    "store into another study": "both refuse; we answer with the Store Instances Response Module and a reason",
    "store one instance and one part that is none": "we store what can be stored (202); Orthanc refuses the request",
    **dict.fromkeys(
        (
            "name, wildcard",
            "name in lower case",
            "Patient ID",
            "a range of dates",
            "Modalities in Study",
            "Accession Number by tag",
            "the second page",
            "a list of UIDs",
        ),
        _CHARSET,
    ),
    "all studies": _NAME,
    "an unknown parameter": _NAME,
    "includefield by tag": _NAME,
    "includefield=all": f"{_NAME}; we give all that the catalogue has",
    "name, fuzzy": "Orthanc has no fuzzy matching",
    "name in ideographs": "we match every group of a name, Orthanc the first",
    "series of a study": f"{_RELATIONAL}; Orthanc always tells; {_CHARSET}",
    "instances of a series": f"{_RELATIONAL}; Orthanc always tells; {_CHARSET}",
    "all CR series": f"{_RELATIONAL}, counts too; {_NAME}",
    "instances by SOP Class": f"{_RELATIONAL}, counts too; {_CHARSET}",
    "native, asked as JPEG 2000": "Debian's Orthanc has no JPEG 2000 encoder, and says 500",
    "metadata of a study": "we name the transfer syntax as stored (Available Transfer Syntax UID)",
    "metadata of an instance": "we name the transfer syntax as stored (Available Transfer Syntax UID)",
    "a frame that is not there": "404, there is no such resource; Orthanc: 400",
    "metadata as an image": "406, PS3.18 8.7; Orthanc: 400",
}
