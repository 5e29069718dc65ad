"""The ledger: one database, and the transactions on it, grouped by who makes them."""

from __future__ import annotations

from collections.abc import Callable

from daemon.store.catalogue import Catalogue
from daemon.store.commitments import Commitments
from daemon.store.database import Database
from daemon.store.deliveries import Deliveries
from daemon.store.feedback import Feedbacks
from daemon.store.intake import Intake
from daemon.store.jobs import Jobs
from daemon.store.orders import Orders
from daemon.store.promises import Promises
from daemon.store.proofs import Proofs
from daemon.store.pulls import Pulls
from daemon.store.reading import Reading
from daemon.store.rejections import Rejections
from daemon.store.screens import Screens
from daemon.store.settling import Settling
from daemon.store.ups_events import UpsEvents
from daemon.store.ups_subscriptions import Subscriptions
from daemon.store.views import Views
from daemon.store.work_items import WorkItems


class Ledger:
    """Every transaction: `intake` (receiving), `settling` (studies), `jobs` (workers), `deliveries`, `rejections`, …"""

    def __init__(self, database: Database, path_of: Callable[[str], str] = str) -> None:
        self.database = database
        self.intake = Intake(database)
        self.catalogue = Catalogue(database)
        self.settling = Settling(database)
        self.jobs = Jobs(database)
        self.deliveries = Deliveries(database)
        self.proofs = Proofs(database)
        self.commitments = Commitments(database)
        self.promises = Promises(database)
        self.orders = Orders(database)
        self.rejections = Rejections(database)
        self.feedback = Feedbacks(database)
        self.screens = Screens(database)
        self.reading = Reading(database)
        self.work_items = WorkItems(database)
        self.subscriptions = Subscriptions(database)
        self.ups_events = UpsEvents(database)
        self.pulls = Pulls(database)
        self.views = Views(database, path_of)

    def close(self) -> None:
        """Give back all connections."""
        self.database.close()
