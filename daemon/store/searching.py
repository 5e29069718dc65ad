"""A search of the catalogue as SQL, for SQLite and PostgreSQL.

The keys of one page are found first, from an index that holds what is most often asked for, and only then their rows:
a page of 100,000 studies costs about what one of 100 does. The newest study comes first.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, literal, or_, select
from sqlalchemy.orm import Session

from daemon.core.catalogue import ATTRIBUTES, LEVELS, Level
from daemon.core.errors import MalformedQuery
from daemon.core.query import Between, Like, Match, OneOf, Query, Words, match_of, searchable
from daemon.store.candidates import INDEXED, begins, few
from daemon.store.patterns import like
from daemon.store.schema_catalogue import CatalogueInstanceRow, CatalogueSeriesRow, CatalogueStudyRow

TABLES: dict[Level, Any] = {"STUDY": CatalogueStudyRow, "SERIES": CatalogueSeriesRow, "IMAGE": CatalogueInstanceRow}
_LOWER_UIDS: dict[str, Any] = {"SeriesInstanceUID": CatalogueSeriesRow, "SOPInstanceUID": CatalogueInstanceRow}
_KEYS: dict[Level, tuple[str, ...]] = {"STUDY": (), "SERIES": ("series_uid",), "IMAGE": ("series_uid", "sop_uid")}

Found = dict[str, str | int | list[str]]
Condition = tuple[Level, ColumnElement[bool]]


def search(session: Session, query: Query) -> list[Found]:
    """The matches of one page. Raises MalformedQuery."""
    levels = LEVELS[: LEVELS.index(query.level) + 1]
    held = [(name, attribute) for name, attribute in ATTRIBUTES.items() if attribute.level in levels]
    page = _page(session, query).subquery()
    rows: Select[Any] = select(*(getattr(TABLES[attribute.level], attribute.column) for _, attribute in held))
    rows = rows.select_from(page).join(CatalogueStudyRow, CatalogueStudyRow.study_uid == page.c.study_uid)
    if "SERIES" in levels:
        rows = rows.join(
            CatalogueSeriesRow,
            and_(CatalogueSeriesRow.study_uid == page.c.study_uid, CatalogueSeriesRow.series_uid == page.c.series_uid),
        )
    if "IMAGE" in levels:
        rows = rows.join(CatalogueInstanceRow, CatalogueInstanceRow.sop_uid == page.c.sop_uid)
    names = [name for name, _ in held]
    return [_found(names, values) for values in session.execute(rows.order_by(*_order(query.level)))]


def _found(names: list[str], values: Any) -> Found:
    found: Found = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    found["ModalitiesInStudy"] = str(found["ModalitiesInStudy"]).strip("\\").split("\\")
    return found


def _page(session: Session, query: Query) -> Select[Any]:
    """The keys of one page, in order."""
    dialect = session.get_bind().dialect.name
    study: Any = CatalogueStudyRow
    lower: Any = TABLES[query.level]
    page: Select[Any] = select(study.study_uid, *(getattr(lower, name) for name in _KEYS[query.level]))
    if query.level != "STUDY":
        # SQLite's planner cannot use the index of an expression: it has to go through the studies, in their order,
        # so that a page can end early. A UID of a lower level is looked up beforehand (_studies_of).
        page = page.join(
            lower, lower.study_uid == (study.study_uid.op("||")("") if dialect == "sqlite" else study.study_uid)
        )
    if query.level == "IMAGE":
        page = page.where(CatalogueInstanceRow.hidden.is_(False))
    page = page.where(*_conditions(session, query, dialect)).order_by(*_order(query.level)).offset(query.offset)
    return page if query.limit is None else page.limit(query.limit)


def _order(level: Level) -> list[ColumnElement[Any]]:
    study = CatalogueStudyRow
    order: list[Any] = [study.study_date.desc(), study.study_time.desc(), study.study_uid.desc()]
    return [*order, *(getattr(TABLES[level], name) for name in _KEYS[level])]


def _matches(query: Query) -> dict[str, Match]:
    matches: dict[str, Match] = {}
    for keyword, text in query.matches.items():
        if keyword not in searchable(query.level):
            raise MalformedQuery(f"{keyword} is no key of a search at {query.level} level")
        match = match_of(keyword, text, fuzzy=query.fuzzy)
        if match is not None:
            matches[keyword] = match
    modality = matches.get("Modality")
    if modality is not None and modality != OneOf(("",)):
        matches.setdefault("ModalitiesInStudy", modality)  # it follows, and the studies' index knows it
    return matches


def _conditions(session: Session, query: Query, dialect: str) -> list[ColumnElement[bool]]:
    matches = _matches(query)
    found = [*_studies_of(session, matches), *(_moments(matches) if query.combined else [])]
    found += [(ATTRIBUTES[keyword].level, _condition(keyword, match, dialect)) for keyword, match in matches.items()]
    if query.level != "IMAGE":
        return [condition for _, condition in found]
    of_series = [condition for level, condition in found if level == "SERIES"]
    return [
        *(condition for level, condition in found if level != "SERIES"),
        *([_in_series(of_series)] if of_series else []),
    ]


def _studies_of(session: Session, matches: dict[str, Match]) -> list[Condition]:
    """Which studies have the series and instances that are named; else the few that some key leaves."""
    study_uid = CatalogueStudyRow.study_uid
    named: list[Condition] = [
        ("STUDY", study_uid.in_(select(table.study_uid).where(_column(uid).in_(match.values))))
        for uid, table in _LOWER_UIDS.items()
        if isinstance(match := matches.get(uid), OneOf)
    ]
    if named or "StudyInstanceUID" in matches:
        return named
    uids = few(session, matches)
    return [] if uids is None else [("STUDY", study_uid.in_(uids))]


def _in_series(conditions: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    """The instance's series is so. A scalar, since PostgreSQL misjudges how many rows a join of two columns has."""
    series, instance = CatalogueSeriesRow, CatalogueInstanceRow
    own = (series.study_uid == instance.study_uid, series.series_uid == instance.series_uid)
    return select(literal(1)).where(*own, *conditions).correlate(instance).scalar_subquery() == 1


# Pairs of which a range of each is one range of moments: PS3.4 C.2.2.2.5.1.
_MOMENTS = (
    ("StudyDate", "StudyTime"),
    ("SeriesDate", "SeriesTime"),
    ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
    ("ContentDate", "ContentTime"),
)


def _moments(matches: dict[str, Match]) -> list[Condition]:
    """Conditions on moments, whose times are taken out of `matches`; the dates stay, for the index."""
    conditions: list[Condition] = []
    for date_keyword, time_keyword in _MOMENTS:
        days, times = matches.get(date_keyword), matches.get(time_keyword)
        if isinstance(days, Between) and isinstance(times, Between):
            day, time = _column(date_keyword), _column(time_keyword)
            level = ATTRIBUTES[date_keyword].level
            if days.low and times.low:
                conditions.append((level, or_(day > days.low, time >= times.low)))
            if days.high and times.high:
                conditions.append((level, or_(day < days.high, time <= times.high)))
            del matches[time_keyword]
    return conditions


def _column(keyword: str) -> ColumnElement[Any]:
    attribute = ATTRIBUTES[keyword]
    name = f"{attribute.column}_key" if attribute.vr == "PN" else attribute.column
    column: ColumnElement[Any] = getattr(TABLES[attribute.level], name)
    return column


def _condition(keyword: str, match: Match, dialect: str) -> ColumnElement[bool]:
    column = _column(keyword)
    if keyword in INDEXED and begins(match):
        column = column.op("||")("")  # its index has been asked (few), and would only lead astray
    if keyword == "ModalitiesInStudy":
        return _modalities(column, match, dialect)
    if isinstance(match, OneOf):
        return column.in_(match.values)
    if isinstance(match, Between):
        bounds = [column >= match.low] if match.low else [column != ""]
        return and_(*bounds, *([column <= match.high] if match.high else []))
    if isinstance(match, Words):
        return and_(*(_word(column, word, dialect) for word in match.words))
    return like(column, match.pattern, dialect)


def _modalities(column: ColumnElement[Any], match: Match, dialect: str) -> ColumnElement[bool]:
    """One of the study's modalities matches; "C*X" also reaches from one into the next."""
    if match == OneOf(("",)):
        return column == ""
    wanted = match.values if isinstance(match, OneOf) else (match.pattern,) if isinstance(match, Like) else ()
    return or_(false(), *(like(column, f"*\\{value}\\*", dialect) for value in wanted))


def _word(column: ColumnElement[Any], word: str, dialect: str) -> ColumnElement[bool]:
    """The word begins the name, or stands behind a separator. Where it is at all is the quicker question."""
    begins = (like(column, f"{before}{word}*", dialect) for before in ("", "*^", "* ", "*=", "*-"))
    return and_(like(column, f"*{word}*", dialect), or_(*begins))
