"""Requests without a body of instances for the fuzzer: searches, retrievals, work items, and whatever else."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from pydicom.datadict import DicomDictionary

from tests.bench.fuzz_bodies import WORD

_KEYWORDS = tuple(entry[4] for entry in DicomDictionary.values() if entry[4])
_COMMON = (
    "PatientName", "PatientID", "StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy", "StudyInstanceUID",
    "SeriesInstanceUID", "SOPInstanceUID", "Modality", "ReferringPhysicianName", "00100010", "0020000D", "00080020",
    "includefield", "limit", "offset", "fuzzymatching", "accept", "InstanceNumber", "SOPClassUID", "PatientBirthDate",
)  # fmt: skip
_VALUES = (
    "", "*", "?", WORD, f"{WORD}^*", "20260101-20261231", "-20260101", "20260101-", "20261399", "99999999-00000000",
    "000000-235959", "1", "0", "-1", "9" * 30, "true", "false", "TRUE", "all", "DX", "DX\\CR", "1.2.3\\1.2.4", "1.2.*",
    "00080018", "PatientName,StudyDate", "00400275.00400009", "RequestAttributesSequence.RequestedProcedureID", "%",
    "_%", "[a-z]", "'; drop table x; --", "\0", "\udcff", "é", "山田", "Ä" * 3000, "*" * 300, "?*" * 100, "\\" * 100,
    "^^^^",
    "==", "a=b=c", " ", "\t", "1e9", "0x10", "NaN", "٣", "application/dicom+json", "image/jpeg", "../..", "1.0", "{}",
)  # fmt: skip
_ACCEPT = (
    "*/*", "", "application/dicom", "application/dicom; transfer-syntax=*", "application/dicom+json",
    "application/json",
    'multipart/related; type="application/dicom"', 'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/octet-stream"', "multipart/related; type=image/jls", "image/jpeg",
    "image/png",
    "multipart/related; type=image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90", "image/dicom-rle", "image/*;q=0.1",
    "application/dicom; transfer-syntax=1.2.840.10008.1.2", "application/dicom; transfer-syntax=1.2.840.10008.1.2.5",
    "application/dicom; transfer-syntax=1.2.840.10008.1.2.4.80", "application/dicom; transfer-syntax=1.2.3", ",,,;;;==",
    'a/b; c="unclosed', "text/html,application/xhtml+xml,*/*;q=0.8", "*/*;q=0",
    'multipart/related; type="' + "x" * 5000,
    "application/dicom+xml", "video/mp4", "application/octet-stream; transfer-syntax=*",
)  # fmt: skip
_BELOW = (
    "", "/metadata", "/rendered", "/thumbnail", "/series", "/instances", "/pixeldata", "/bulkdata/7FE00010",
    "/bulkdata/00091001/1/00100010", "/bulkdata/../..", "/frames/1", "/frames/2", "/frames/0,1", "/frames/1,1,1",
    "/frames/" + "1," * 500 + "1", "/frames/x", "/frames/1/rendered", "/frames/1/thumbnail", "/frames/", "/nothing",
    "/frames/" + "9" * 100,
)  # fmt: skip
_RENDERED = (
    ("window", ("40,400,linear", "1,1,sigmoid", "nan,1,linear", "1e9,-1,linear", "a,b,c", ",,", "1,2,3,4")),
    ("viewport", ("128,128", "0,0", "99999,99999", "10,10,0,0,5,5", "10,10,-5,-5,-10,-10", "x", "1,1,1")),
    ("quality", ("1", "100", "0", "101", "x")),
    ("annotation", ("patient", "technique", "patient,technique", WORD)),
    ("presentationUID", ("1.2.3",)),
)


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str  # with its query, below /dicom-web
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


Known = Sequence[tuple[str, str, str]]  # study, series, instance


def search(rng: random.Random, known: Known) -> Asked:
    """QIDO-RS."""
    study, series, _ = _uids(rng, known)
    path = rng.choice(
        ["/studies", "/series", "/instances", f"/studies/{study}/series", f"/studies/{study}/instances",
         f"/studies/{study}/series/{series}/instances"]
    )  # fmt: skip
    pairs = [(_key(rng), _value(rng, (study, series))) for _ in range(rng.choice([0, 1, 1, 2, 3, 5, 40]))]
    return Asked("GET", f"{path}?{_query(rng, pairs)}", _accept(rng))


def retrieve(rng: random.Random, known: Known) -> Asked:
    """WADO-RS, with rendered resources."""
    study, series, instance = _uids(rng, known)
    level = rng.choice([f"/studies/{study}", f"/studies/{study}/series/{series}"] + 4 * [f"/studies/{study}/series/{series}/instances/{instance}"])  # fmt: skip  # noqa: E501
    path, pairs = level + rng.choice(_BELOW), []
    if "rendered" in path or "thumbnail" in path:
        pairs = [(name, rng.choice(values)) for name, values in _RENDERED if rng.random() < 0.3]
    if rng.random() < 0.1:
        pairs.append(("accept", rng.choice(_ACCEPT)))
    return Asked(rng.choice(["GET"] * 9 + ["HEAD"]), f"{path}?{_query(rng, pairs)}" if pairs else path, _accept(rng))


def work_item(rng: random.Random, known: Known) -> Asked:
    """UPS-RS: PS3.18 section 11."""
    uid = rng.choice([f"1.2.{rng.randrange(20)}", "x", "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"])
    method, path = rng.choice(
        [("POST", f"/workitems?{uid}"), ("POST", "/workitems"), ("GET", f"/workitems/{uid}"), ("POST",
         f"/workitems/{uid}"),
         ("PUT", f"/workitems/{uid}/state"), ("POST", f"/workitems/{uid}/cancelrequest"), ("GET", "/workitems"),
         ("POST", f"/workitems/{uid}/subscribers/FUZZ"), ("DELETE", f"/workitems/{uid}/subscribers/FUZZ"),
         ("POST", "/workitems/1.2.840.10008.5.1.4.34.5/subscribers/FUZZ/suspend")]
    )  # fmt: skip
    if method == "GET":
        pairs = [(_key(rng), _value(rng, _uids(rng, known))) for _ in range(rng.randrange(3))]
        return Asked(method, f"{path}?{_query(rng, pairs)}", _accept(rng))
    content = rng.choice(
        [b"", b"[]", b"{}", b"[{}]", b"null", b"\xff", b"[" * 5000, json.dumps([_model(rng)]).encode()]
    )
    return Asked(method, path, {"Content-Type": rng.choice(["application/dicom+json", "text/plain"])}, content)


def whatever(rng: random.Random, known: Known) -> Asked:
    """Other methods, other paths."""
    method = rng.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD", "FROBNICATE"])
    study, *_ = _uids(rng, known)
    parts = [quote(_value(rng, (study,)).encode("utf-8", "surrogateescape")) for _ in range(rng.randrange(5))]
    headers = rng.choice([{}, {"Range": "bytes=0-1"}, {"If-None-Match": "*,," * 100}, {"Host": "evil.example"}])
    return Asked(method, "/" + "/".join(parts), {**_accept(rng), **headers})


def _uids(rng: random.Random, known: Known) -> tuple[str, str, str]:
    if known and rng.random() < 0.9:
        return rng.choice(known)
    odd = ["1.2.3", "1", "x", "%00", "..", "1" * 65, "1..2", WORD, "%C3%A9", "%FF", "1.2.3%20"]
    return rng.choice(odd), rng.choice(odd), rng.choice(odd)


def _key(rng: random.Random) -> str:
    if rng.random() < 0.7:
        return rng.choice(_COMMON)
    return rng.choice([rng.choice(_KEYWORDS), f"{rng.getrandbits(32):08X}", "x", "", WORD, "00100010.00100020", "\0"])


def _value(rng: random.Random, uids: Sequence[str]) -> str:
    return rng.choice([*_VALUES, *uids, f"{rng.randrange(10**6)}", f"{rng.randrange(1900, 2100)}0101"])


def _query(rng: random.Random, pairs: Sequence[tuple[str, str]]) -> str:
    """Mostly percent-encoded as it should be; else raw, or broken."""
    encoded = "&".join(f"{quote(name)}={quote(value.encode('utf-8', 'surrogateescape'))}" for name, value in pairs)
    if rng.random() < 0.9:
        return encoded
    return rng.choice([encoded + "%", encoded + "%zz", "&&&" + encoded, encoded.replace("=", ""), encoded + "%FF%FE"])


def _accept(rng: random.Random) -> dict[str, str]:
    return {"Accept": rng.choice(_ACCEPT)} if rng.random() < 0.3 else {}


def _model(rng: random.Random) -> dict[str, object]:
    """A data set in DICOM JSON, roughly."""
    tags = ["00741000", "00741200", "00404005", "00404021", "00081195", "00100010", "0040A370", "00741204"]
    values = [["SCHEDULED"], ["IN PROGRESS"], ["HIGH"], [1], [None], [{}], ["1.2.3"], "x", [{"Alphabetic": WORD}]]
    vrs = ["CS", "SQ", "UI", "PN", "DT", "XX", ""]
    return {rng.choice(tags): {"vr": rng.choice(vrs), "Value": rng.choice(values)} for _ in range(rng.randrange(6))}
