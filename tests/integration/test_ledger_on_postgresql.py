"""The ledger's rules once more, on PostgreSQL: the same tests with another `ledger`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daemon.store import migrate
from daemon.store.database import Database
from daemon.store.ledger import Ledger
from daemon.store.tables import Base
from tests.conftest import skip_where_missing
from tests.support.peers.servers import PostgresServer, postgres_server
from tests.unit.store.test_catalogue_ledger import *  # noqa: F403  the tests themselves
from tests.unit.store.test_commitment_ledger import *  # noqa: F403
from tests.unit.store.test_ledger import *  # noqa: F403
from tests.unit.store.test_orders_ledger import *  # noqa: F403
from tests.unit.store.test_pulls import *  # noqa: F403
from tests.unit.store.test_reading_list import *  # noqa: F403
from tests.unit.store.test_withdrawal import *  # noqa: F403
from tests.unit.store.test_worklist_ledger import *  # noqa: F403


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with skip_where_missing(postgres_server()) as running:
        yield running


@pytest.fixture
def ledger(server):
    database = Database(server.url)
    migrate.upgrade(database.engine)
    yield Ledger(database)
    with database.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    database.close()
