"""A ledger from before the reading worklist: what came last gets a place, what is older does not."""

from __future__ import annotations

import time

from alembic import command
from sqlalchemy import text

from daemon.store import migrate
from daemon.store.database import Database
from daemon.store.ledger import Ledger

_STUDY = text(
    "insert into studies (study_uid, state, reason, revision, received_at, last_instance_at, not_analysed, unserved,"
    " withdrawals, awaits_proof) values (:uid, 'DELIVERED', '', 1, :at, :at, '', '', 0, false)"
)


def test_studies_of_the_last_day_await_their_place_and_older_ones_do_not(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    config = migrate._config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        connection.execute(_STUDY, {"uid": "1.1", "at": time.time() - 3600})
        connection.execute(_STUDY, {"uid": "1.2", "at": time.time() - 2 * 86400})
    migrate.upgrade(database.engine)
    assert Ledger(database).reading.awaiting(10) == ["1.1"]
    assert migrate.drift(database.engine) == []
    database.close()
