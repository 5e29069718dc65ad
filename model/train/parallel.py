"""Several processes that train one network: each draws its share of every batch, gradients are averaged.

torch's own DistributedDataParallel, one process a GPU (NCCL) or, to try it out, on the CPU (gloo), all on one machine.
Batch normalisation sees the films of its own process; the running statistics kept are those of the first process,
which DistributedDataParallel hands to the others before every step.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, slots=True)
class Team:
    """Which of how many processes this one is, and where its network is. rank 0 speaks and writes."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def leads(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    def gathered(self, own: Any) -> list[Any]:
        """What every process gives, in the order of their ranks, to all of them."""
        if self.size == 1:
            return [own]
        everyone: list[Any] = [None] * self.size
        distributed.all_gather_object(everyone, own)
        return everyone

    def agreed(self, wish: bool) -> bool:
        """The first process's wish, in all of them: only one clock may decide."""
        if self.size == 1:
            return wish
        word = torch.tensor([int(wish)], device=self.device)
        distributed.broadcast(word, src=0)
        return bool(word.item())

    def shared(self, network: nn.Module) -> nn.Module:
        """The network whose gradients are averaged over the processes."""
        if self.size == 1:
            return network
        return DistributedDataParallel(network, device_ids=[self.rank] if self.device.startswith("cuda") else None)


def launch(task: Callable[[Team, Any], None], given: Any, size: int, device: str) -> None:
    """Do `task(team, given)` here, or in `size` processes, and wait; an error in one of them ends all.

    task: a function of a module; given: picklable. device: cpu, cuda or cuda:N.
    """
    if size == 1:
        task(Team(device=device), given)
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        threads = torch.get_num_threads()
        multiprocessing.spawn(_member, (task, given, size, device, meeting, threads), nprocs=size)  # type: ignore[attr-defined]


def _member(
    rank: int, task: Callable[[Team, Any], None], given: Any, size: int, device: str, meeting: str, threads: int
) -> None:
    torch.set_num_threads(threads)
    if device.startswith("cuda"):
        device = f"cuda:{rank}"
        torch.cuda.set_device(rank)
    backend = "nccl" if device.startswith("cuda") else "gloo"
    distributed.init_process_group(backend, init_method=meeting, rank=rank, world_size=size)
    try:
        task(Team(rank, size, device), given)
        distributed.barrier()  # nobody closes his connections while another still speaks
    finally:
        distributed.destroy_process_group()
    # all is written: torch's threads are not always joined when the interpreter ends, which aborts the process
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
