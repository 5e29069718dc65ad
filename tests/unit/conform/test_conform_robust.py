"""The check answers whatever it is given, quickly, and leaves the object as it is."""

from __future__ import annotations

import random
import time
from io import BytesIO

import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence

from daemon.conform import Fault, faults
from tests.support.conform import Case, valid


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return valid()


def written(ds: Dataset) -> bytes:
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_an_empty_data_set_and_one_of_no_known_form_are_full_of_faults() -> None:
    image = Dataset()
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    image.file_meta = FileMetaDataset()

    for ds in (Dataset(), image):
        rules = {fault.rule for fault in faults(ds)}
        assert {"meta-missing", "sop-class-known", "attribute-type-1"} <= rules and "crash" not in rules


def test_sequences_without_end_are_a_fault(cases: dict[str, Case]) -> None:
    ds = dcmread(BytesIO(written(cases["sr air"].dataset)))
    inner = ds.ContentSequence[-1]
    for _ in range(80):
        inner.ContentSequence = Sequence([Dataset()])
        inner = inner.ContentSequence[0]

    assert faults(ds)


def test_what_is_checked_is_written_as_it_was(cases: dict[str, Case]) -> None:
    for case in cases.values():
        before = written(case.dataset)
        ds = dcmread(BytesIO(before))

        faults(ds, case.sources, case.expected)

        assert written(ds) == before


def test_broken_bytes_are_answered_with_faults_and_never_with_an_error(cases: dict[str, Case]) -> None:
    dice, answered = random.Random(5), 0
    for name in ("sr ohif", "gsps", "chest-cad-sr triage", "rejection"):
        whole = written(cases[name].dataset)
        for _ in range(25):
            spoiled = bytearray(whole)
            for _ in range(dice.randint(1, 8)):
                spoiled[dice.randrange(400, len(spoiled))] = dice.randrange(256)
            try:
                ds = dcmread(BytesIO(bytes(spoiled)), force=True)
            except Exception:  # noqa: BLE001 - then there is nothing to be sent
                continue
            told = faults(ds, cases[name].sources, cases[name].expected)
            assert all(isinstance(fault, Fault) for fault in told)
            assert not [fault for fault in told if fault.rule == "crash"]
            answered += 1
    assert answered > 50


def test_an_sr_is_checked_in_milliseconds(cases: dict[str, Case]) -> None:
    case, taken = cases["sr ohif"], []
    for _ in range(5):
        start = time.process_time()
        faults(case.dataset, case.sources, case.expected)
        taken.append(time.process_time() - start)

    assert min(taken) < 0.1
