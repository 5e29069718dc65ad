"""The catalogue's tables: what QIDO-RS and C-FIND search, for received images and for our results alike.

Values are the attributes' own text (PS3.5 6.2), "" where empty or absent. These tables name patients, as the archive
does; the ledger's other tables do not.
"""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import VARCHAR
from sqlalchemy.orm import Mapped, mapped_column

from daemon.store.schema import UID, Base

# PostgreSQL compares these by their characters' codes, as SQLite does: then an index finds what begins so.
BEGINNING = String().with_variant(VARCHAR(collation="C"), "postgresql")


class CatalogueStudyRow(Base):
    """One study: Patient and Study level attributes, of the instance that came first."""

    __tablename__ = "catalogue_studies"
    # The newest first, with what people search for by a part of it: such a search reads the index alone.
    __table_args__ = (
        Index(
            "ix_catalogue_studies_newest",
            "study_date",
            "study_time",
            "study_uid",
            "patient_name_key",
            "patient_id",
            "accession_number",
            "modalities",
        ),
    )

    study_uid: Mapped[str] = mapped_column(UID, primary_key=True)
    patient_name: Mapped[str]
    patient_name_key: Mapped[str] = mapped_column(BEGINNING, index=True)  # folded, as names are compared
    patient_id: Mapped[str] = mapped_column(BEGINNING, index=True)
    patient_id_issuer: Mapped[str]
    patient_birth_date: Mapped[str] = mapped_column(String(8))
    patient_sex: Mapped[str] = mapped_column(String(16))
    study_date: Mapped[str] = mapped_column(String(8))
    study_time: Mapped[str] = mapped_column(String(16))
    accession_number: Mapped[str] = mapped_column(BEGINNING, index=True)
    study_id: Mapped[str]
    study_description: Mapped[str]
    referring_physician_name: Mapped[str]
    referring_physician_name_key: Mapped[str]
    timezone_offset: Mapped[str]
    modalities: Mapped[str]  # \CR\SR\: sorted, each between backslashes
    series_count: Mapped[int]
    instance_count: Mapped[int]


class CatalogueWordRow(Base):
    """One word of a study's Patient's Name, folded: a search by how words begin reads these."""

    __tablename__ = "catalogue_words"
    __table_args__ = ({"sqlite_with_rowid": False},)  # the key is the row

    word: Mapped[str] = mapped_column(BEGINNING, primary_key=True)
    study_uid: Mapped[str] = mapped_column(UID, primary_key=True)


class CatalogueSeriesRow(Base):
    """One series of one study."""

    __tablename__ = "catalogue_series"

    study_uid: Mapped[str] = mapped_column(UID, primary_key=True)
    series_uid: Mapped[str] = mapped_column(UID, primary_key=True, index=True)
    modality: Mapped[str] = mapped_column(String(16), index=True)
    series_number: Mapped[str] = mapped_column(String(16))
    series_description: Mapped[str]
    series_date: Mapped[str] = mapped_column(String(8))
    series_time: Mapped[str] = mapped_column(String(16))
    performed_start_date: Mapped[str] = mapped_column(String(8))
    performed_start_time: Mapped[str] = mapped_column(String(16))
    scheduled_step_id: Mapped[str]
    requested_procedure_id: Mapped[str]
    body_part: Mapped[str] = mapped_column(String(16))
    instance_count: Mapped[int]


class CatalogueInstanceRow(Base):
    """One instance, and where its bytes are."""

    __tablename__ = "catalogue_instances"
    __table_args__ = (Index(None, "study_uid", "series_uid"),)

    sop_uid: Mapped[str] = mapped_column(UID, primary_key=True)
    study_uid: Mapped[str] = mapped_column(UID)
    series_uid: Mapped[str] = mapped_column(UID)
    sop_class_uid: Mapped[str] = mapped_column(UID)
    transfer_syntax_uid: Mapped[str] = mapped_column(UID)
    instance_number: Mapped[str] = mapped_column(String(16))
    content_date: Mapped[str] = mapped_column(String(8))
    content_time: Mapped[str] = mapped_column(String(16))
    rows: Mapped[int | None]
    columns: Mapped[int | None]
    bits_allocated: Mapped[int | None]
    frames: Mapped[int | None]  # Number of Frames; None: no image
    key: Mapped[str]  # where the archive keeps it
    size: Mapped[int]
    result: Mapped[bool]  # one of ours, not received
    hidden: Mapped[bool] = mapped_column(default=False)  # withdrawn: named in a rejection note
