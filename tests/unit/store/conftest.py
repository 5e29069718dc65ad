from __future__ import annotations

import pytest

from daemon.store import migrate
from daemon.store.database import Database
from daemon.store.ledger import Ledger


@pytest.fixture
def ledger(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    migrate.upgrade(database.engine)
    yield Ledger(database)
    database.close()
