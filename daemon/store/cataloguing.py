"""Entering instances into the catalogue and hiding them, inside the transaction that records or withdraws them.

Whoever calls holds the lock on the study's row of the ledger, so that counts are right whoever else writes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from daemon.core.catalogue import CatalogueEntry, name_words
from daemon.store.inserting import insert_missing, insert_once, insert_or_add
from daemon.store.schema_catalogue import CatalogueInstanceRow, CatalogueSeriesRow, CatalogueStudyRow, CatalogueWordRow

_LONGEST_MODALITIES = 256


@dataclass(frozen=True, slots=True)
class Filed:
    """One archived instance as the catalogue needs it; `result`: one of ours, `hidden`: withdrawn."""

    study_uid: str
    series_uid: str
    sop_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    key: str
    size: int
    result: bool
    hidden: bool = False


def enter(session: Session, filed: Filed, entry: CatalogueEntry) -> bool:
    """Enter one instance, with its study and series where they are new; False when it is there already."""
    study_uid, series_uid = filed.study_uid, filed.series_uid
    values = {name: getattr(filed, name) for name in Filed.__slots__}
    if not insert_once(session, CatalogueInstanceRow, values | dict(entry.instance)):
        return False
    if filed.hidden:
        return True
    uids = {"study_uid": study_uid, "series_uid": series_uid}
    count = {"instance_count": 1}
    kept = ["instance_count", "modality"]
    series = insert_or_add(session, CatalogueSeriesRow, {**uids, **entry.series, **count}, count, kept)
    counts = count | {"series_count": int(series.instance_count == 1)}
    modality = series.modality
    new = {"study_uid": study_uid, **entry.study, **counts, "modalities": _joined({modality})}
    study = insert_or_add(session, CatalogueStudyRow, new, counts, ["instance_count", "modalities"])
    words = name_words(entry.study["patient_name_key"])
    if study.instance_count == 1 and words:
        insert_missing(session, CatalogueWordRow, [{"word": word, "study_uid": study_uid} for word in sorted(words)])
    modalities = _joined({*study.modalities.split("\\"), modality})
    if modalities != study.modalities:
        row = CatalogueStudyRow
        session.execute(update(row).where(row.study_uid == study_uid).values(modalities=modalities))
    return True


def hide(session: Session, study_uid: str, sop_uids: Collection[str]) -> None:
    """Leave these instances of one study out of searches, and its series and itself where nothing else is in them."""
    instance, series, study = CatalogueInstanceRow, CatalogueSeriesRow, CatalogueStudyRow
    session.execute(
        update(instance).where(instance.study_uid == study_uid, instance.sop_uid.in_(sop_uids)).values(hidden=True)
    )
    counts = session.execute(
        select(instance.series_uid, func.count())
        .where(instance.study_uid == study_uid, instance.hidden.is_(False))
        .group_by(instance.series_uid)
    )
    left = {row.series_uid: row[1] for row in counts}
    for row in session.scalars(select(series).where(series.study_uid == study_uid)).all():
        if row.series_uid in left:
            row.instance_count = left[row.series_uid]
        else:
            session.delete(row)
    session.flush()
    if not left:
        name = session.scalar(delete(study).where(study.study_uid == study_uid).returning(study.patient_name_key))
        of_name = CatalogueWordRow.word.in_(name_words(name or ""))
        session.execute(delete(CatalogueWordRow).where(of_name, CatalogueWordRow.study_uid == study_uid))
        return
    modalities = session.scalars(select(series.modality).where(series.study_uid == study_uid)).all()
    session.execute(
        update(study)
        .where(study.study_uid == study_uid)
        .values(series_count=len(left), instance_count=sum(left.values()), modalities=_joined(set(modalities)))
    )


def _joined(modalities: set[str]) -> str:
    r"""\CR\SR\, or "" where there is none."""
    text = "\\".join(sorted(modality for modality in modalities if modality))[:_LONGEST_MODALITIES]
    return f"\\{text}\\" if text else ""
