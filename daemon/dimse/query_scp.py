"""C-FIND of the Query/Retrieve service as SCP: PS3.4 C.4.1, answered from the catalogue, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from pydicom import DataElement, Dataset
from pydicom.config import IGNORE
from pydicom.datadict import tag_for_keyword
from pynetdicom.events import Event

from daemon.core.catalogue import ATTRIBUTES
from daemon.core.errors import MalformedQuery, StoreUnavailable
from daemon.core.query import Query
from daemon.dimse.connection import cancelled, keep_pace
from daemon.dimse.contexts import QUERY_RETRIEVE_SCP
from daemon.dimse.finding import Found, Handler
from daemon.dimse.identifier import (
    IDENTIFIER_DOES_NOT_MATCH,
    OUT_OF_RESOURCES,
    UNABLE_TO_PROCESS,
    UNIQUE_KEYS,
    Refused,
    Sought,
    parsed,
    sought,
)
from daemon.dimse.status import failure
from daemon.store.ledger import Ledger

log = structlog.get_logger()

# PS3.4 table C.4-1
SUCCESS, PENDING, PENDING_SOME_UNSUPPORTED, CANCEL = 0x0000, 0xFF00, 0xFF01, 0xFE00
STATUSES = frozenset(
    {SUCCESS, PENDING, PENDING_SOME_UNSUPPORTED, CANCEL, OUT_OF_RESOURCES, IDENTIFIER_DOES_NOT_MATCH, UNABLE_TO_PROCESS}
)
PAGE = 500

Row = Mapping[str, str | int | list[str]]


class QueryScp:
    """Answers C-FIND-RQs under our AE title."""

    def __init__(self, ledger: Ledger, ae_title: str) -> None:
        self._ledger, self._ae_title = ledger, ae_title

    def on_c_find(self, event: Event) -> Iterator[Found]:
        """C-FIND-RQ -> responses; PS3.4 table C.4-1."""
        request: Any = event.request
        calling_ae = str(event.assoc.requestor.ae_title).strip()
        found = 0
        try:
            identifier = parsed(request.Identifier, str(event.context.transfer_syntax))
            asked = sought(identifier, str(event.context.abstract_syntax))
            status = PENDING if asked.all_supported else PENDING_SOME_UNSUPPORTED
            for row in self._rows(asked):
                if cancelled(event.assoc, request.MessageID):
                    yield CANCEL, None
                    return
                if not keep_pace(event.assoc):
                    return
                yield status, response(row, asked, self._ae_title)
                found += 1
        except (Refused, MalformedQuery) as error:
            code = error.status if isinstance(error, Refused) else IDENTIFIER_DOES_NOT_MATCH
            log.warning("find.refused", calling_ae=calling_ae, status=f"{code:04X}", why=str(error))
            yield failure(code, str(error)), None
        except StoreUnavailable as error:
            log.error("find.refused", calling_ae=calling_ae, status=f"{OUT_OF_RESOURCES:04X}", why=str(error))
            yield failure(OUT_OF_RESOURCES, "try again later"), None
        else:
            log.info("find.answered", calling_ae=calling_ae, level=asked.level, found=found)

    def _rows(self, asked: Sought) -> Iterator[Row]:
        """Every match once, however many; what arrives meanwhile moves the pages, so that rows may come twice."""
        unique = UNIQUE_KEYS[asked.level]
        told: set[object] = set()  # of patients all, of the rest those of the page before
        offset = 0
        while True:
            wanted = frozenset(asked.returned)
            page = self._ledger.catalogue.search(
                Query(asked.search_level, asked.matches, wanted, limit=PAGE, offset=offset)
            )
            before = told if asked.level == "PATIENT" else frozenset(told)
            told = told if asked.level == "PATIENT" else set()
            for row in page:
                name = row[unique], row.get("IssuerOfPatientID") if asked.level == "PATIENT" else None
                told_before = name in before
                told.add(name)
                if not told_before:
                    yield row
            if len(page) < PAGE:
                return
            offset += PAGE


def response(row: Row, asked: Sought, ae_title: str) -> Dataset:
    """One match (C.4.1.1.3.2): the keys that were asked for, and where it can be retrieved."""
    ds = Dataset()
    for name in asked.returned:
        _put(ds, name, row.get(name))
    ds.QueryRetrieveLevel = asked.level
    ds.RetrieveAETitle = ae_title
    ds.InstanceAvailability = "ONLINE"  # C.4.1.1.3.2: thoraxd keeps everything at hand
    if not all(_is_ascii(row.get(name)) for name in asked.returned):
        ds.SpecificCharacterSet = "ISO_IR 192"
    return ds


def _put(ds: Dataset, name: str, value: str | int | list[str] | None) -> None:
    sequence, _, keyword = name.rpartition(".")
    if sequence:
        if sequence not in ds:
            setattr(ds, sequence, [Dataset()])
        ds = getattr(ds, sequence)[0]
    tag = tag_for_keyword(keyword)
    assert tag is not None  # of the catalogue's table
    empty = None if value in ("", None, []) else value
    ds[tag] = DataElement(tag, ATTRIBUTES[name].vr, empty, validation_mode=IGNORE)


def _is_ascii(value: str | int | list[str] | None) -> bool:
    return value is None or str(value).isascii()


def query_handlers(scp: QueryScp) -> dict[str, Handler]:
    """For daemon/dimse/finding.py, by information model."""
    return {str(model.uid): scp.on_c_find for model in QUERY_RETRIEVE_SCP if model.name.endswith("FIND")}
