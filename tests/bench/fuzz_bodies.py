"""Bodies of Store transactions for the fuzzer: valid ones, and valid ones with something wrong in them."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from tests.support.builders import make_cxr
from tests.support.origin import encoded

WORD = "Quibblesnark"  # a patient's name, to be looked for in the log
SYNTAXES = (
    ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless,
    JPEG2000Lossless, JPEGBaseline8Bit,
)  # fmt: skip
_UID_LENGTH = 30


@dataclass
class Body:
    """One request's content. whole: the instances in it that nothing was done to, by SOP Instance UID."""

    content: bytes
    content_type: str
    path: str = "/studies"
    headers: dict[str, str] = field(default_factory=dict)
    whole: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # -> study, bytes


class Films:
    """Films with fresh UIDs, quickly: the same few with other UIDs of the same length written into them."""

    def __init__(self) -> None:
        marks = [f"1.2.{number}.".ljust(_UID_LENGTH, "7") for number in (11, 12, 13)]
        self._marks = [mark.encode() for mark in marks]
        self._films = []
        for syntax in SYNTAXES:
            lossy = {"bits_stored": 8, "bits_allocated": 8} if syntax == JPEGBaseline8Bit else {}
            film = make_cxr(
                rows=40, columns=36, study_uid=marks[0], series_uid=marks[1], sop_uid=marks[2], patient_name=WORD,
                patient_id=WORD.upper(), transfer_syntax=syntax, **lossy,
            )  # fmt: skip
            self._films.append((syntax, encoded(film)))
        self._bombs = self._make_bombs()

    def make(self, rng: random.Random, study_uid: str | None = None) -> tuple[str, str, bytes]:
        """(study, SOP Instance UID, PS3.10 file)."""
        uids = [study_uid or _uid(rng), _uid(rng), _uid(rng)]
        syntax, content = rng.choice(self._films)
        if syntax == DeflatedExplicitVRLittleEndian:
            start = 144 + int.from_bytes(content[140:144], "little")
            content = content[:start] + self._inflated(content[start:], uids)
        for mark, uid in zip(self._marks, uids, strict=True):
            content = content.replace(mark, uid.encode())
        return uids[0], uids[2], content

    def _inflated(self, deflated: bytes, uids: list[str]) -> bytes:
        plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(deflated)
        for mark, uid in zip(self._marks, uids, strict=True):
            plain = plain.replace(mark, uid.encode())
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = packer.compress(plain) + packer.flush()
        return packed + b"\0" * (len(packed) % 2)

    def bomb(self, rng: random.Random) -> bytes:
        """A deflated film of 64 KB that inflates to 64 MB of one attribute after the other."""
        return rng.choice(self._bombs)

    def _make_bombs(self) -> list[bytes]:
        _, content = next(each for each in self._films if each[0] == DeflatedExplicitVRLittleEndian)
        start = 144 + int.from_bytes(content[140:144], "little")
        made = []
        for element in (b"\x08\0\x05\0CS\0\0", b"\x09\0\x10\0LO\x02\0A ", b"\0" * 8):
            packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
            made.append(content[:start] + packer.compress(element * (2**26 // len(element))) + packer.flush())
        return made


def valid(rng: random.Random, films: Films) -> Body:
    """One to three instances, sometimes one by itself, sometimes to a study."""
    made = [films.make(rng)]
    made += [films.make(rng, made[0][0] if rng.random() < 0.5 else None) for _ in range(rng.randrange(3))]
    whole = {sop_uid: (study_uid, content) for study_uid, sop_uid, content in made}
    if len(made) == 1 and rng.random() < 0.3:
        return Body(made[0][2], "application/dicom", whole=whole)
    boundary = rng.choice(["b", "x" * 70, "a b'()+_,-./:=?c", f"{rng.random()}"])
    body = Body(joined([content for *_, content in made], boundary), content_type(boundary), whole=whole)
    if all(study == made[0][0] for study, *_ in made) and rng.random() < 0.3:
        body.path = f"/studies/{made[0][0]}"
    return body


def content_type(boundary: str, kind: str = "application/dicom") -> str:
    """Of a request in parts."""
    return f'multipart/related; type="{kind}"; boundary="{boundary}"'


def joined(contents: list[bytes], boundary: str, headers: bytes = b"Content-Type: application/dicom\r\n") -> bytes:
    """The parts of a body."""
    mark = b"--" + boundary.encode("latin-1", "replace")
    return b"".join(mark + b"\r\n" + headers + b"\r\n" + each + b"\r\n" for each in contents) + mark + b"--\r\n"


def wrong(rng: random.Random, films: Films) -> Body:
    """A valid body with one to three things done to it."""
    body = valid(rng, films)
    body.whole = {}
    for _ in range(rng.randrange(1, 4)):
        rng.choice(_DEEDS)(rng, films, body)
    return body


def _somewhere(rng: random.Random, body: Body) -> tuple[int, int]:
    start = rng.randrange(len(body.content) + 1)
    return start, min(len(body.content), start + rng.choice([1, 4, 30, 1000]))


def _cut_off(rng: random.Random, _: Films, body: Body) -> None:
    body.content = body.content[: rng.randrange(len(body.content) + 1)]


def _cut_out(rng: random.Random, _: Films, body: Body) -> None:
    start, end = _somewhere(rng, body)
    body.content = body.content[:start] + body.content[end:]


def _twice(rng: random.Random, _: Films, body: Body) -> None:
    start, end = _somewhere(rng, body)
    body.content = body.content[:end] + body.content[start:]


def _overwritten(rng: random.Random, _: Films, body: Body) -> None:
    start, end = _somewhere(rng, body)
    fill = rng.choice([rng.randbytes(end - start), b"\0" * (end - start), b"\xff" * (end - start)])
    body.content = body.content[:start] + fill + body.content[end:]


def _inserted(rng: random.Random, _: Films, body: Body) -> None:
    start, _end = _somewhere(rng, body)
    what = rng.choice([b"\0" * 1000, b"\r\n--b--\r\n", b"\r\n\r\n", b"\r\n--b\r\n", b"\n" * 50, rng.randbytes(100)])
    body.content = body.content[:start] + what + body.content[start:]


def _lines_of_lf(_rng: random.Random, _films: Films, body: Body) -> None:
    body.content = body.content.replace(b"\r\n", b"\n")


def _other_type(rng: random.Random, _: Films, body: Body) -> None:
    body.content_type = rng.choice(
        ["", "text/plain", "multipart/related", "multipart/related; boundary=", "multipart/form-data; boundary=b",
         content_type("b", "application/dicom+json"), content_type("b", "application/dicom+xml"), content_type("b\0"),
         content_type("c" * 71), 'multipart/related; type="application/dicom"; boundary="' + "b" * 9000,
         "application/dicom",
         content_type("other"), f'multipart/related; boundary=b; type="{WORD}"', "\xff/\xff"],
    )  # fmt: skip


def _part_headers(rng: random.Random, films: Films, body: Body) -> None:
    headers = rng.choice(
        [b"", b"Content-Type: " + b"x" * 100_000 + b"\r\n", b"A: 1\r\n b\r\n\tc\r\n", b"no field\r\n",
         b"\xff\xfe: \0\r\n",
         b"Content-Type: application/dicom+json\r\n", b"Content-Type: image/jpeg\r\n", b": \r\n",
         b"Content-Type: application/dicom\r\nContent-Transfer-Encoding: base64\r\n", b"A: 1\r\n" * 5000],
    )  # fmt: skip
    body.content, body.content_type = joined([films.make(rng)[2]], "b", headers), content_type("b")


def _nested(_rng: random.Random, _films: Films, body: Body) -> None:
    inner = b'Content-Type: multipart/related; type="application/dicom"; boundary="b"\r\n'
    body.content, body.content_type = joined([body.content], "bb", inner), content_type("bb")


def _bomb(rng: random.Random, films: Films, body: Body) -> None:
    body.content, body.content_type = joined([films.bomb(rng)], "b"), content_type("b")


def _large(rng: random.Random, _: Films, body: Body) -> None:
    size = rng.choice([100_000, 3_000_000])
    body.content, body.content_type = joined([b"\0" * 128 + b"DICM" + b"\0" * size], "b"), content_type("b")


def _many(rng: random.Random, _: Films, body: Body) -> None:
    body.content, body.content_type = joined([b""] * rng.choice([100, 1000]), "b"), content_type("b")


def _other_headers(rng: random.Random, _: Films, body: Body) -> None:
    body.headers |= rng.choice(
        [{"Content-Encoding": "gzip"}, {"Accept": "application/dicom+xml"}, {"Accept": "nonsense"},
         {"Accept": "a/b;q=x," * 1000}, {"Content-Language": WORD}, {"Expect": "100-continue"}],
    )  # fmt: skip


def _other_path(rng: random.Random, _: Films, body: Body) -> None:
    body.path = "/studies/" + rng.choice(["1.2.3", "..", "%00", WORD, "1" * 65, "%2e%2e%2f", "1.2/series/3"])


_DEEDS: tuple[Callable[[random.Random, Films, Body], None], ...] = (
    _cut_off, _cut_out, _twice, _overwritten, _overwritten, _overwritten, _inserted, _inserted, _lines_of_lf,
    _other_type, _part_headers, _nested, _bomb, _large, _many, _other_headers, _other_path,
)  # fmt: skip


def _uid(rng: random.Random) -> str:
    return f"1.2.{rng.randrange(10**25, 10**26)}"[:_UID_LENGTH].ljust(_UID_LENGTH, "1")
