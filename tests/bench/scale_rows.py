"""Rows of many studies for the real tables: film, SR and GSPS, their deliveries; analysis, order, reading work item.

Study 0 is the newest; the first N of any two ledgers are the same, so that one page can be asked of both.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from pydicom import Dataset
from sqlalchemy import insert, text

from daemon.core.catalogue import empty_entry, name_key, name_words
from daemon.core.date_times import date_time
from daemon.core.reading_item import ReadingItem, ReadingReference
from daemon.core.ups_json import to_text
from daemon.core.ups_reading import Origin, reading_attributes, reading_uid
from daemon.store.database import Database
from daemon.store.schema import DeliveryRow, InstanceRow, JobRow, OutputRow, StudyRow
from daemon.store.schema_catalogue import (
    CatalogueInstanceRow,
    CatalogueSeriesRow,
    CatalogueStudyRow,
    CatalogueWordRow,
)
from daemon.store.schema_orders import OrderRow
from daemon.store.schema_worklist import WorkItemRow

STUDIES_A_DAY = 100
OPEN_READINGS = 10_000  # of the newest studies; those before are read
BATCH = 1000  # studies
NEWEST = datetime.now(UTC)  # nothing that is open is overdue: what falls due is raised, which is not measured here

_DX, _SR, _PR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.11.1"
_SERIES = {"DX": 1, "SR": 2, "PR": 3}
_EXPLICIT = "1.2.840.10008.1.2.1"
_BEGINNINGS = (
    "Al",
    "Ber",
    "Cas",
    "Dor",
    "El",
    "Fen",
    "Gar",
    "Hol",
    "Jan",
    "Kor",
    "Lin",
    "Mar",
    "Nor",
    "Ros",
    "Sch",
    "Zim",
)
_MIDDLES = ("a", "e", "i", "o", "u", "ber", "den", "fel", "gen", "hau", "kel", "len", "man", "nov", "ren", "sel", "ten")
_ENDINGS = ("ski", "sen", "mann", "er", "in", "ow", "ez", "son", "berg", "stein", "dorf", "feld", "ley", "ton", "ova")
_GIVEN = ("Anna", "Ben", "Clara", "David", "Eva", "Finn", "Greta", "Hugo", "Ida", "Jonas", "Leo", "Mia", "Nils", "Paul")
_DESCRIPTIONS = ("CHEST PA", "CHEST AP BEDSIDE", "THORAX 2 EBENEN", "CHEST 1 VIEW")

_MODEL = {"name": "detector", "version": "1", "digest": "ab" * 32, "operating_point": "sensitivity 0.95"}
_ANSWER = json.dumps({"findings": {"labels": {"Effusion": 0.4}, "lesions": []}, "identity": _MODEL})
_SOME_STUDY = "1.2.3.4.5.6.7.8.9"
_EMPTY = empty_entry()

Rows = dict[type[Any], list[dict[str, Any]]]


def fill(database: Database, studies: int) -> None:
    """Put so many studies into an empty ledger."""
    for start in range(0, studies, BATCH):
        rows: Rows = {}
        for number in range(start, min(start + BATCH, studies)):
            for table, row in _study(number):
                rows.setdefault(table, []).append(row)
        with database.write() as session:
            for table, values in rows.items():
                session.execute(insert(table), values)
    if database.engine.dialect.name == "postgresql":  # whose autovacuum does it by itself in time
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))


def study_uid(number: int) -> str:
    """Of the study `number`, of the length that devices give them."""
    return f"1.2.826.0.1.3680043.10.1234.{10**20 + number * 7919}.1"


def patient(number: int) -> tuple[str, str]:
    """(Patient's Name, Patient ID); one patient in three comes again."""
    rng = random.Random(number - number % 3 * (number % 2))
    surname = rng.choice(_BEGINNINGS) + rng.choice(_MIDDLES) + rng.choice(_MIDDLES) + rng.choice(_ENDINGS)
    return f"{surname}^{rng.choice(_GIVEN)}", f"P{rng.randrange(10**7):07d}"


def moment(number: int) -> datetime:
    """When the study was made."""
    return NEWEST - timedelta(days=number // STUDIES_A_DAY, minutes=10 * (number % STUDIES_A_DAY))


def accession(number: int) -> str:
    """Its Accession Number."""
    return f"A{10**7 - number}"


def _study(number: int) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    study, at = study_uid(number), moment(number).timestamp()
    probability = random.Random(number).random()
    yield (
        StudyRow,
        {
            "study_uid": study,
            "state": "COMMITTED",
            "received_at": at,
            "last_instance_at": at,
            "completed_at": at + 5,
            "analysed_at": at + 6,
            "settled_at": at + 7,
            "probability": probability,
            "positive": probability > 0.8,
        },
    )
    yield CatalogueStudyRow, _catalogue_study(number)
    for word in name_words(name_key(patient(number)[0])):
        yield CatalogueWordRow, {"word": word, "study_uid": study}
    for modality, sop_class in (("DX", _DX), ("SR", _SR), ("PR", _PR)):
        series = f"{study}.{_SERIES[modality]}"
        sop = f"{series}.1"
        about = {"sop_uid": sop, "study_uid": study, "series_uid": series, "sop_class_uid": sop_class}
        about["key"] = f"{study}/{sop}.dcm"
        if modality == "DX":
            told = {"size": 10**7, "received_at": at, "calling_ae": "DX1", "eligibility": "ELIGIBLE"}
            yield InstanceRow, {**about, **told, "transfer_syntax_uid": _EXPLICIT, "digest": "d" * 64}
        else:
            made = {"kind": "sr" if modality == "SR" else "gsps", "profile": "", "marking": True, "revision": 1}
            yield OutputRow, {**about, **made, "digest": "e" * 64, "created_at": at + 7}
            yield DeliveryRow, _delivery(study, sop, at + 8)
        yield from _catalogue_series(number, modality, about)
    done = {"study_uid": study, "state": "DONE", "created_at": at, "sent_at": at, "finished_at": at + 6}
    yield JobRow, {**done, "kind": "analyse", "subject": f"{study}.1.1", "seconds": 0.6, "answer": _ANSWER}
    yield JobRow, {**done, "kind": "report", "subject": "1", "seconds": None, "answer": ""}
    yield OrderRow, _order(number, at)
    yield WorkItemRow, _work_item(number, at)


def _catalogue_study(number: int) -> dict[str, Any]:
    (name, patient_id), at, doctor = patient(number), moment(number), patient(number % 97)[0]
    return {
        **_EMPTY.study,
        "study_uid": study_uid(number),
        "patient_name": name,
        "patient_name_key": name_key(name),
        "patient_id": patient_id,
        "patient_birth_date": f"19{number % 90 + 10}0{number % 9 + 1}15",
        "patient_sex": "FM"[number % 2],
        "study_date": at.strftime("%Y%m%d"),
        "study_time": at.strftime("%H%M%S"),
        "accession_number": accession(number),
        "study_id": str(number),
        "study_description": _DESCRIPTIONS[number % len(_DESCRIPTIONS)],
        "referring_physician_name": doctor,
        "referring_physician_name_key": name_key(doctor),
        "modalities": "\\DX\\PR\\SR\\",
        "series_count": 3,
        "instance_count": 3,
    }


def _catalogue_series(number: int, modality: str, about: dict[str, Any]) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    day, film = moment(number).strftime("%Y%m%d"), modality == "DX"
    values = {"modality": modality, "series_number": "1", "series_description": "PA", "series_date": day}
    uids = {"study_uid": about["study_uid"], "series_uid": about["series_uid"]}
    yield CatalogueSeriesRow, {**_EMPTY.series, **values, **uids, "instance_count": 1}
    image = {"rows": 2500, "columns": 2000, "bits_allocated": 16, "frames": 1} if film else {}
    stored = {"transfer_syntax_uid": _EXPLICIT, "size": 10**7, "result": not film, "hidden": False}
    yield CatalogueInstanceRow, {**_EMPTY.instance, "instance_number": "1", **about, **image, **stored}


def _delivery(study: str, sop: str, at: float) -> dict[str, Any]:
    to = {"destination": "pacs", "sop_uid": sop, "study_uid": study, "state": "COMMITTED", "commitment": True}
    return {**to, "created_at": at, "retry_since": at, "next_at": at, "sent_at": at, "committed_at": at + 60}


def _order(number: int, at: float) -> dict[str, Any]:
    numbers = {"placer_number": f"P{number}", "filler_number": f"F{number}", "accession_number": accession(number)}
    told = {"sender": "RIS^HOSPITAL", "study_uid": "", "patient_id": patient(number)[1], "message_id": str(number)}
    times = {"message_at": at - 600, "received_at": at - 600}
    return {**numbers, **told, **times, "urgency": "LOW" if number % 10 else "STAT", "control": "NW"}


@cache
def _attributes() -> str:
    """Of a reading, as the daemon writes it; in the place of what differs stands a word."""
    header = Dataset()
    header.PatientName, header.PatientID, header.AccessionNumber = "NAME", "NUMBER", "ACCESSION"
    study, classes = _SOME_STUDY, enumerate((_DX, _SR, _PR), start=1)
    films = [ReadingReference(study, f"{study}.{at}", sop_class, f"{study}.{at}.1") for at, sop_class in classes]
    item = ReadingItem(study, 1, "LOW", 0.0, 0.0, "chest", 0.5, tuple(films[:1]), tuple(films[1:]))
    return to_text(reading_attributes(item, header, Origin("THORAXD", "http://127.0.0.1:8080/dicom-web"), []))


def _work_item(number: int, at: float) -> dict[str, Any]:
    name, patient_id = patient(number)
    attributes = _attributes()
    priority, due_at = ("HIGH", "MEDIUM", "LOW")[number % 3], NEWEST.timestamp() + 3600.0 * (1 + number % 24)
    state = "SCHEDULED" if number < OPEN_READINGS else "COMPLETED"
    words = {"NAME": name, "NUMBER": patient_id, "ACCESSION": accession(number), "SCHEDULED": state}
    words[_SOME_STUDY] = study_uid(number)
    words |= {'"LOW"': f'"{priority}"', date_time(0.0): date_time(due_at)}
    for word, value in words.items():
        attributes = attributes.replace(word, value)
    return {
        "ups_uid": reading_uid(study_uid(number), 1),
        "patient_name_key": name_key(name),
        "patient_id": patient_id,
        "accession_number": accession(number),
        "study_uid": study_uid(number),
        "reading": True,
        "revision": 1,
        "state": state,
        "priority": priority,
        "due_at": due_at,
        "arrived_at": at,
        "label": "pneumothorax suspected",
        "attributes": attributes,
        "created_at": at,
        "updated_at": at,
    }
