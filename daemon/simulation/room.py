"""The reading room: films arrive, readers on duty take them from the list, one after another, without interruption.

Event by event in plain Python on static keys: some 600,000 films a second and core.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

WEEK_H = 168


@dataclass(frozen=True, slots=True)
class Duty:
    """Who reads when: for each hour of the week, from Monday 0 h, readers and the share of their time for films."""

    readers: tuple[int, ...]
    attention: tuple[float, ...]

    def next_on(self, reader: int, minute: float) -> float:
        """When `reader` (0, 1, …) is on duty, at `minute` or after it."""
        hour = int(minute // 60)
        if self.readers[hour % WEEK_H] > reader:
            return minute
        while self.readers[hour % WEEK_H] <= reader:
            hour += 1
        return hour * 60.0


@dataclass(frozen=True, slots=True)
class Order:
    """One policy's view of the films: the list is read in ascending order of keys.

    unanswered: keys until the detector has answered, the same film's `answered` from then on. cap: a film that has
    waited so long, in minutes, goes first, the oldest first; None: there is no such rule.
    """

    unanswered: Sequence[float]
    answered: Sequence[float]
    cap: float | None = None


def read(
    arrived: Sequence[float], minutes: Sequence[float], answer_min: float, duty: Duty, order: Order
) -> list[float]:
    """When each film is reported, in minutes like `arrived` (ascending).

    minutes: how long a reader needs for it with all attention. answer_min: how long the detector needs.
    """
    count = len(arrived)
    reported = [0.0] * count
    waiting: list[tuple[float, int]] = []  # answered films; those taken before they were answered never come here
    readers = [(duty.next_on(reader, 0.0), reader) for reader in range(max(duty.readers))]
    heapq.heapify(readers)
    push, pop, swap = heapq.heappush, heapq.heappop, heapq.heapreplace
    before, after, cap, attention = order.unanswered, order.answered, order.cap, duty.attention
    here = known = oldest = left = 0  # films that are here, that are answered, the oldest not taken; taken so far
    while left < count:
        now, reader = readers[0]
        while here < count and arrived[here] <= now:
            here += 1
        if left == here:  # nothing to read: this reader waits for the next film
            swap(readers, (duty.next_on(reader, max(now, arrived[here])), reader))
            continue
        while known < here and arrived[known] + answer_min <= now:
            if not reported[known]:
                push(waiting, (after[known], known))
            known += 1
        while reported[oldest]:
            oldest += 1
        if cap is not None and now - arrived[oldest] >= cap:
            film = oldest
        else:
            while waiting and reported[waiting[0][1]]:
                pop(waiting)  # taken by the cap
            best, film = waiting[0] if waiting else (float("inf"), -1)
            for fresh in range(known, here):
                if before[fresh] < best and not reported[fresh]:
                    best, film = before[fresh], fresh
            if waiting and film == waiting[0][1]:
                pop(waiting)
        end = now + minutes[film] / attention[int(now // 60) % WEEK_H]
        reported[film] = end
        left += 1
        swap(readers, (duty.next_on(reader, end), reader))
    return reported
