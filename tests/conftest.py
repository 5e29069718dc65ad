"""Fixtures that many tests share: the data folder and real peers; what is missing becomes a visible skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.peers.orthanc import Orthanc, orthanc
from tests.support.peers.programs import ProgramMissing, find
from tests.support.peers.servers import PostgresServer, RedisServer, postgres_server, redis_server

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")


@contextmanager
def skip_where_missing(peer: AbstractContextManager[T]) -> Iterator[T]:
    """The peer, or a skip that names the program that is not installed."""
    try:
        entered = peer.__enter__()
    except ProgramMissing as missing:
        pytest.skip(str(missing))
    try:
        yield entered
    finally:
        peer.__exit__(None, None, None)


def need(program: str) -> str:
    """The program's path, or a skip that names it."""
    try:
        return find(program)
    except ProgramMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The real films: $THORAXD_TEST_DATA, or ../shared/data beside the repository."""
    folder = Path(os.environ.get("THORAXD_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real films at {folder} (set THORAXD_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """One Orthanc for the whole run."""
    with skip_where_missing(orthanc(tmp_path_factory.mktemp("orthanc"))) as peer:
        yield peer


@pytest.fixture
def outside_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own."""
    with skip_where_missing(redis_server(tmp_path / "redis")) as server:
        yield server


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own."""
    with skip_where_missing(postgres_server()) as server:
        yield server
