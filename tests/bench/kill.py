"""Worker, daemon and Redis killed with -9 at random moments while films arrive, are analysed and are delivered.

The sender knows each answer: a film counts as acknowledged when, and only when, its C-STORE was answered with 0000;
until then it is sent again, as a modality would. A daemon that was killed is started again, as systemd would.
At the end Orthanc must hold one SR and one GSPS for every acknowledged eligible film, and nothing twice.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import redis
import typer
from pydicom import dcmread

from tests.bench.load import Film, prepare
from tests.bench.runs import DATA, FILMS, DataOption, FilmsOption, RunOption, Way, console, end, keep, system
from tests.bench.tally import tally
from tests.support.peers import sender
from tests.support.peers.programs import wait_until
from tests.support.system import Thoraxd

PATIENCE_S = 120.0  # to have one film acknowledged
SENDERS = 4
ROUND_S = 12.0  # every blow falls within it, or, where its target was not there, as soon as it is again
LATEST_S = 40.0

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass
class Sending:
    """What senders know: films by path to the number of attempts, and those acknowledged."""

    attempts: Counter[str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


def send_until_acknowledged(films: Sequence[Film], port: int, sending: Sending, dice: random.Random) -> None:
    """Film after film, spread over the round, each until 0000 is answered."""
    for film in films:
        time.sleep(dice.uniform(0, 2 * ROUND_S / len(films)))
        ds = dcmread(film.path)
        deadline = time.monotonic() + PATIENCE_S
        status: int | None = None
        while status != 0x0000 and time.monotonic() < deadline:
            with sending.lock:
                sending.attempts[film.path] += 1
            try:
                (status,) = sender.send(port, [ds])
            except (ConnectionError, RuntimeError, ValueError):  # pynetdicom's words for an association that broke
                status = None
            if status != 0x0000:
                time.sleep(0.3)
        if status == 0x0000:
            with sending.lock:
                sending.acknowledged.add(film.path)


def blows(thoraxd: Thoraxd, dice: random.Random) -> dict[str, Callable[[], object]]:
    """What may happen to it, by name."""

    def daemon() -> object:
        pid = thoraxd.kill_daemon()
        thoraxd.start_daemon(wait=False)  # the next blow may fall while it starts
        return pid

    def flush() -> object:
        url = thoraxd.settings.broker_url.replace("redis+socket://", "unix://")
        try:
            with redis.Redis.from_url(url, socket_connect_timeout=2) as client:
                return client.flushall()
        except redis.RedisError:
            return None

    return {
        "worker killed": lambda: thoraxd.kill_worker(pool=dice.random() < 0.5),
        "Redis killed": thoraxd.kill_redis,
        "Redis emptied": flush,
        "daemon killed": daemon,
    }


def one_round(
    number: int, films: Sequence[Film], thoraxd: Thoraxd, dice: random.Random, sending: Sending
) -> Counter[str]:
    """Send `films` by several senders while every blow falls once, at a moment of its own; what had an effect."""
    threads = [
        threading.Thread(
            target=send_until_acknowledged,
            args=(films[start::SENDERS], thoraxd.port, sending, random.Random(dice.random())),
        )
        for start in range(SENDERS)
    ]
    done: Counter[str] = Counter()
    strikes = blows(thoraxd, dice)
    moments = sorted((dice.uniform(0.2, ROUND_S), name) for name in strikes)
    started = time.monotonic()
    for thread in threads:
        thread.start()
    told = []
    for at, name in moments:
        time.sleep(max(0.0, started + at - time.monotonic()))
        effect = strikes[name]()
        while effect is None and time.monotonic() - started < LATEST_S:  # not there just now, after another blow
            time.sleep(0.2)
            effect = strikes[name]()
        done[name] += effect is not None
        told.append(f"{name} at {time.monotonic() - started:.1f} s ({effect})")
    for thread in threads:
        thread.join()
    console.print(f"round {number}: {'; '.join(told)}", markup=False, highlight=False)
    return done


@app.command()
def main(
    data: DataOption = DATA,
    films: FilmsOption = FILMS,
    run: RunOption = Path("bench-out/kill"),
    count: Annotated[int, typer.Option(help="radiographs to wrap, as in acceptance")] = 200,
    use: Annotated[int, typer.Option(help="how many films of the load to send; 0: all")] = 120,
    rounds: Annotated[int, typer.Option()] = 10,
    seed: Annotated[int, typer.Option(help="of the load; the moments have a seed of their own")] = 7,
    moments: Annotated[int | None, typer.Option(help="seed of the moments [default: a new one, printed]")] = None,
) -> None:
    """Nothing acknowledged is lost, and Orthanc holds each result once."""
    chance = moments if moments is not None else random.SystemRandom().randrange(10**6)
    dice = random.Random(chance)
    load = prepare(data, films, count, seed)
    load = dice.sample(load, use) if use else load
    console.print(f"{len(load)} films, {rounds} rounds, seed of the moments {chance}", highlight=False)
    sending, struck = Sending(), Counter[str]()
    with system(run.resolve(), Way()) as (thoraxd, pacs):
        for number in range(rounds):
            # Blows shall meet work under way, not only a worker that is still loading its weights.
            wait_until(thoraxd.worker_is_ready, 180, "a worker")
            struck += one_round(number + 1, load[number::rounds], thoraxd, dice, sending)
        acknowledged = [film for film in load if film.path in sending.acknowledged]
        console.print(f"{len(acknowledged)} of {len(load)} films acknowledged in {sending.attempts.total()} attempts")
        thoraxd.wait_settled([film.study_uid for film in acknowledged], 300 + 10 * len(load))
        result = tally(acknowledged, thoraxd.studies(), pacs.instances())
        keep(run, load, pacs)
    result.counts |= struck
    result.misses += [f"{film.path}: never acknowledged" for film in load if film not in acknowledged]
    result.misses += [f"{name}: only {struck[name]} of {rounds} times" for name in struck if struck[name] < rounds // 2]
    console.print(result.table())
    end(result.misses, f"nothing acknowledged is lost, nothing is there twice ({rounds} rounds, seed {chance})")


if __name__ == "__main__":
    app()
