"""A search of the catalogue as SQL, for SQLite and PostgreSQL.

The keys of one page are found first, from an index that holds what is most often asked for, and only then their rows:
a page of 100,000 studies costs about what one of 100 does. The newest study comes first.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select
from sqlalchemy.orm import Session

from daemon.core.catalogue import ATTRIBUTES, LEVELS, Level
from daemon.core.errors import MalformedQuery
from daemon.core.query import Between, Like, Match, OneOf, Query, Words, match_of, searchable
from daemon.store.schema_catalogue import CatalogueInstanceRow, CatalogueSeriesRow, CatalogueStudyRow

TABLES: dict[Level, Any] = {"STUDY": CatalogueStudyRow, "SERIES": CatalogueSeriesRow, "IMAGE": CatalogueInstanceRow}
_LOWER_UIDS = ("SeriesInstanceUID", "SOPInstanceUID")
_KEYS: dict[Level, tuple[str, ...]] = {"STUDY": (), "SERIES": ("series_uid",), "IMAGE": ("series_uid", "sop_uid")}

Found = dict[str, str | int | list[str]]


def search(session: Session, query: Query) -> list[Found]:
    """The matches of one page. Raises MalformedQuery."""
    levels = LEVELS[: LEVELS.index(query.level) + 1]
    held = [(name, attribute) for name, attribute in ATTRIBUTES.items() if attribute.level in levels]
    page = _page(query, session.get_bind().dialect.name).subquery()
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


def _page(query: Query, dialect: str) -> Select[Any]:
    """The keys of one page, in order."""
    keys = [CatalogueStudyRow.study_uid, *(getattr(TABLES[query.level], name) for name in _KEYS[query.level])]
    page: Select[Any] = select(*keys)
    matches = _matches(query)
    # A UID finds its row whatever comes first. Otherwise the studies do, in their order, so that a page can end early.
    top_down = dialect == "sqlite" and not any(isinstance(matches.get(uid), OneOf) for uid in _LOWER_UIDS)
    study, series, instance = CatalogueStudyRow, CatalogueSeriesRow, CatalogueInstanceRow
    if query.level != "STUDY":
        page = page.join(series, series.study_uid == _given(study.study_uid, top_down))
    if query.level == "IMAGE":
        same_study = instance.study_uid == _given(series.study_uid, top_down)
        same_series = instance.series_uid == _given(series.series_uid, top_down)
        page = page.join(instance, and_(same_study, same_series)).where(instance.hidden.is_(False))
    page = page.where(*_conditions(query, matches, dialect)).order_by(*_order(query.level)).offset(query.offset)
    return page if query.limit is None else page.limit(query.limit)


def _given(column: Any, top_down: bool) -> Any:
    """A column whose own index SQLite's planner cannot use: the other side of the join is looked up, never this one."""
    return column.op("||")("") if top_down else column


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
    if query.level != "STUDY" and "Modality" in matches:
        matches.setdefault("ModalitiesInStudy", matches["Modality"])  # it follows, and the studies' index knows it
    return matches


def _conditions(query: Query, matches: dict[str, Match], dialect: str) -> list[ColumnElement[bool]]:
    moments = _moments(matches) if query.combined else []
    return [*moments, *(_condition(keyword, match, dialect) for keyword, match in matches.items())]


# Pairs of which a range of each is one range of moments: PS3.4 C.2.2.2.5.1.
_MOMENTS = (
    ("StudyDate", "StudyTime"),
    ("SeriesDate", "SeriesTime"),
    ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
    ("ContentDate", "ContentTime"),
)


def _moments(matches: dict[str, Match]) -> list[ColumnElement[bool]]:
    """Conditions on moments, whose times are taken out of `matches`; the dates stay, for the index."""
    conditions = []
    for date_keyword, time_keyword in _MOMENTS:
        days, times = matches.get(date_keyword), matches.get(time_keyword)
        if isinstance(days, Between) and isinstance(times, Between):
            day, time = _column(date_keyword), _column(time_keyword)
            if days.low and times.low:
                conditions.append(or_(day > days.low, time >= times.low))
            if days.high and times.high:
                conditions.append(or_(day < days.high, time <= times.high))
            del matches[time_keyword]
    return conditions


def _column(keyword: str) -> ColumnElement[Any]:
    attribute = ATTRIBUTES[keyword]
    name = f"{attribute.column}_key" if attribute.vr == "PN" else attribute.column
    column: ColumnElement[Any] = getattr(TABLES[attribute.level], name)
    return column


def _condition(keyword: str, match: Match, dialect: str) -> ColumnElement[bool]:
    column = _column(keyword)
    if keyword == "ModalitiesInStudy":
        return _modalities(column, match, dialect)
    if isinstance(match, OneOf):
        return column.in_(match.values)
    if isinstance(match, Between):
        bounds = [column >= match.low] if match.low else [column != ""]
        return and_(*bounds, *([column <= match.high] if match.high else []))
    if isinstance(match, Words):
        return and_(*(_word(column, word, dialect) for word in match.words))
    return _like(column, match.pattern, dialect)


def _modalities(column: ColumnElement[Any], match: Match, dialect: str) -> ColumnElement[bool]:
    """One of the study's modalities matches; a pattern could reach from one into the next, so "*" ends at none."""
    wanted = match.values if isinstance(match, OneOf) else (match.pattern,) if isinstance(match, Like) else ()
    return or_(false(), *(_like(column, f"*\\{value}\\*", dialect) for value in wanted))


def _word(column: ColumnElement[Any], word: str, dialect: str) -> ColumnElement[bool]:
    return or_(*(_like(column, f"{before}{word}*", dialect) for before in ("", "*^", "* ", "*=", "*-")))


def _like(column: ColumnElement[Any], pattern: str, dialect: str) -> ColumnElement[bool]:
    """The pattern's "*" and "?" are GLOB's; LIKE would take SQLite's letters of either case for the same."""
    if dialect == "sqlite":
        return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")
