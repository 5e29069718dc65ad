"""The composition root: settings -> store -> roles; start, graceful stop."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO

import structlog

from daemon.allocator import keep_little
from daemon.children import Child, redis_child, worker_child
from daemon.commit import Commit
from daemon.core.errors import SettingsError, StoreUnavailable
from daemon.core.log import where
from daemon.core.ups_reading import Origin
from daemon.deliver import Deliver, Send
from daemon.dimse.commitment_scp import Requests
from daemon.dimse.commitment_scu import Results, ask
from daemon.dimse.finding import Finding
from daemon.dimse.query_scp import QueryScp, query_handlers
from daemon.dimse.retrieve_scp import RetrieveScp
from daemon.dimse.scp import Scp
from daemon.dimse.scu import send
from daemon.dimse.ups_scp import UpsScp, ups_handlers
from daemon.dimse.ups_scu import report
from daemon.dispatch import Dispatch
from daemon.hl7 import mllp
from daemon.hl7.receive import Receive
from daemon.hl7.server import OrderServer
from daemon.index import Index
from daemon.ingest import Ingest
from daemon.presence import Presence
from daemon.prioritise import Prioritise
from daemon.prove import Prove
from daemon.pull import Pull, remote_of
from daemon.sections import Destination
from daemon.settings import Settings, environment_for, wanted_of
from daemon.settle import Settle
from daemon.store import migrate
from daemon.store.archive import Archive
from daemon.store.opening import open_store
from daemon.tell import Tell, Tidy
from daemon.vouch import Vouch
from daemon.web.application import application
from daemon.web.client import OriginServer
from daemon.web.context import WebContext
from daemon.web.renderers import Renderers
from daemon.web.server import WebServer
from daemon.web.stow_scu import store
from daemon.worklist import Worklist

log = structlog.get_logger()

DAY_S = 86400.0
TROUBLE_S = 1.0  # a loop's pause after an error
WEB_GRACE_S = 3.0  # for requests; an event stream never ends by itself
GRACE_S = 20.0  # for associations and the image under way, at a stop


class Loop(threading.Thread):
    """Calls `turn` again and again; an error in one turn is logged and does not end the loop."""

    def __init__(self, name: str, turn: Callable[[], float]) -> None:
        super().__init__(name=name, daemon=True)
        self._turn, self._ending = turn, threading.Event()

    def run(self) -> None:
        """Until `end`."""
        wait_s = 0.0
        while not self._ending.wait(wait_s):
            try:
                wait_s = self._turn()
            except StoreUnavailable as error:
                log.error("store.unavailable", loop=self.name, why=str(error))
                wait_s = TROUBLE_S
            except Exception as error:  # noqa: BLE001  a process loop
                log.error("loop.error", loop=self.name, kind=type(error).__name__, at=where(error))
                wait_s = TROUBLE_S

    def end(self) -> None:
        """Let the turn under way be the last."""
        self._ending.set()


def sender(destination: Destination, calling_ae: str) -> Send:
    """How objects go to this destination. Raises SettingsError where its files for TLS are of no use."""
    if destination.kind == "stow":
        return partial(store, OriginServer(destination))
    if destination.kind == "mllp":
        return partial(mllp.send, mllp.Receiver(destination, calling_ae))
    return partial(send, destination, calling_ae)


def origin(settings: Settings) -> Origin:
    """How readers get the images of a reading: from our AE, or below our URL."""
    host = next(iter(settings.web.names), settings.web.host)
    host = f"[{host}]" if ":" in host else host  # RFC 3986 3.2.2, IPv6
    return Origin(settings.scp.ae_title, f"http://{host}:{settings.web.port}/dicom-web")


class Daemon:
    """The roles of `thoraxd serve`: SCP, web server and loops in one process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.ledger, archive = open_store(settings)
        presence = Presence(time.time)
        reserve = settings.archive.reserve_mb * 1_000_000
        ingest = Ingest(archive, self.ledger, settings.incoming, reserve, time.time)
        requests = Requests(self.ledger, time.time)
        results = Results(self.ledger, settings.retry, time.time)
        self._renderers = Renderers(archive, settings.web.renderers)
        self._worklist = worklist = Worklist(self.ledger, archive, origin(settings), time.time)
        ups = UpsScp(worklist)
        finding = Finding(query_handlers(QueryScp(self.ledger, settings.scp.ae_title)) | ups_handlers(ups))
        retrieving = RetrieveScp(
            self.ledger,
            archive,
            settings.modality,
            settings.scp.ae_title,
            lambda key, syntax: asyncio.run(self._renderers.transcode(key, syntax)),
            settings.incoming,
            settings.scp.timeout_s,
        )
        self._scp = Scp(settings.scp, ingest, presence, settings.incoming, requests, results, finding, retrieving, ups)
        context = WebContext(
            settings, self.ledger, archive, ingest, presence, time.time, self._renderers, self._worklist
        )
        self._web = WebServer(settings.web, application(context))
        self._orders = OrderServer(settings.hl7, Receive(settings.hl7, self.ledger, time.time))
        self._loops = [
            Loop("settle", Settle(self.ledger, presence, settings.study, wanted_of(settings), time.time).turn),
            Loop("index", Index(self.ledger.catalogue, archive).turn),
            Loop("dispatch", Dispatch(self.ledger, settings.broker_url, time.time).turn),
            Loop("prioritise", self._prioritise(settings).turn),
            *self._delivers(settings, archive, results),
            *self._pulls(settings, ingest, presence),
            *self._vouches(settings, archive, requests),
            *self._tells(settings),
        ]

    def _delivers(self, settings: Settings, archive: Archive, results: Results) -> Iterator[Loop]:
        """What each destination gets, and the proof that it keeps it."""
        for destination in settings.destination:
            send, limit_s = sender(destination, settings.scp.ae_title), destination.timeout_s
            deliver = Deliver(destination.name, send, limit_s, self.ledger, archive, settings.retry, time.time)
            yield Loop(f"deliver-{destination.name}", deliver.turn)
            if destination.kind == "stow" and destination.commitment:
                server, attempts = OriginServer(destination), settings.retry.refused_attempts
                prove = Prove(destination, server, attempts, self.ledger, time.time)
                yield Loop(f"prove-{destination.name}", prove.turn)
            if destination.kind == "dimse" and destination.commitment:
                to_ask = partial(ask, destination, settings.scp.ae_title, results)
                commit = Commit(destination, to_ask, self.ledger, settings.retry, time.time)
                yield Loop(f"commit-{destination.name}", commit.turn)

    def _pulls(self, settings: Settings, ingest: Ingest, presence: Presence) -> Iterator[Loop]:
        """What comes from each source."""
        for source in settings.source:
            remote = remote_of(source, settings, (ingest, presence))
            pull = Pull(source, remote, self.ledger, settings.retry, time.time)
            yield Loop(f"pull-{source.name}", pull.turn)

    def _vouches(self, settings: Settings, archive: Archive, requests: Requests) -> Iterator[Loop]:
        """Who asked whether we keep what they sent."""
        titles = [modality.ae_title for modality in settings.modality]
        for modality in (*settings.modality, None):  # None: whoever is not in the settings
            tell = partial(requests.tell, modality, settings.scp.ae_title)
            title = modality.ae_title if modality else None
            vouch = Vouch(title, titles, tell, self.ledger, archive, settings.retry, time.time)
            yield Loop(f"vouch-{title or 'others'}", vouch.turn)

    def _prioritise(self, settings: Settings) -> Prioritise:
        keep_s = settings.worklist.keep_days * DAY_S
        return Prioritise(self.ledger, self._worklist, settings.priority.policy(), keep_s, time.time)

    def _tells(self, settings: Settings) -> Iterator[Loop]:
        """Who hears the worklist's events, and what is old in it."""
        for modality in settings.modality:
            to_report = partial(report, modality, settings.scp.ae_title)
            tell = Tell(modality.ae_title, to_report, self.ledger, settings.retry, time.time)
            yield Loop(f"tell-{modality.ae_title}", tell.turn)
        yield Loop("tidy", Tidy(self._worklist, settings.worklist, settings.retry.give_up_s).turn)

    def start(self) -> None:
        """Migrate where that is safe, then listen and loop. Raises StoreUnavailable, SettingsError, OSError."""
        self._bring_up_to_date()
        self.ledger.jobs.unsend_all()
        self.ledger.deliveries.release_claims(time.time())
        self.ledger.pulls.release(time.time())
        self.ledger.deliveries.stop_asking({d.name for d in self._settings.destination if d.commitment})
        buried = self.ledger.deliveries.bury_unknown({d.name for d in self._settings.destination})
        if buried:
            log.warning("deliveries.without_destination", count=buried)
        self._worklist.restarted()
        self._scp.start()
        self._web.start()
        self._orders.start()
        for loop in self._loops:
            loop.start()

    def _bring_up_to_date(self) -> None:
        """A new database, or our own SQLite file, is migrated at once; a hospital's is its administrator's."""
        engine = self.ledger.database.engine
        current, newest = migrate.revision(engine)
        if current == newest:
            return
        if current is not None and engine.dialect.name != "sqlite":
            raise SettingsError([f"the database is at revision {current}, not {newest}: run `thoraxd db upgrade`"])
        migrate.upgrade(engine)

    def stop(self) -> None:
        """Take nothing new, finish what is under way."""
        self._web.stop(WEB_GRACE_S)
        self._renderers.stop()
        self._orders.stop(GRACE_S)
        self._scp.stop(GRACE_S)
        for loop in self._loops:
            loop.end()
        for loop in self._loops:
            if loop.is_alive():
                loop.join(GRACE_S)
        self.ledger.close()


def run(settings: Settings, config: Path | None, *, embedded: bool) -> None:
    """`thoraxd serve`, or, with `embedded`, `thoraxd up`: until SIGINT or SIGTERM.

    Raises SettingsError, StoreUnavailable, OSError before anything is listened to.
    """
    if not embedded and not settings.broker.url:
        raise SettingsError(["`thoraxd serve` needs broker.url (`thoraxd up` brings a Redis of its own)"])
    os.umask(0o077)  # what is written names patients
    keep_little()
    settings.home.mkdir(parents=True, exist_ok=True)
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    with (settings.home / "daemon.lock").open("a") as lock:
        _lock(lock, settings.home)
        daemon = Daemon(settings)
        children: list[Child] = []
        if embedded and not settings.broker.url:
            children.append(redis_child(settings.redis_socket))
        if embedded:
            children.append(worker_child(environment_for(config, settings)))
        try:
            daemon.start()
            while not ending.is_set():
                for child in children:
                    child.watch()
                ending.wait(0.2)
            log.info("daemon.stopping")
        finally:
            daemon.stop()
            for child in reversed(children):
                child.stop(GRACE_S)


def _lock(lock: IO[str], home: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SettingsError([f"another thoraxd runs with home {home}"]) from None
