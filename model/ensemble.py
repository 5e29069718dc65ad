"""Several networks answering as one: the mean of their logits and of their window shifts.

Members trained on different films err in different directions (deep ensembles, Lakshminarayanan et al., 2017). The
mean is taken of every window's scores before any window is chosen, so the readings, the calibration and the findings
that follow are those of one network.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.network import LesionNet, Scores


class Ensemble(nn.Module):
    """Networks of one configuration; `config` and the answer's shape are those of each."""

    def __init__(self, members: Sequence[LesionNet]) -> None:
        """Raises ValueError for no member or for members of different configurations."""
        super().__init__()
        if not members or any(member.config != members[0].config for member in members):
            raise ValueError("an ensemble has one or more members, all of one configuration")
        self.config = members[0].config
        self.members = nn.ModuleList(members)

    def forward(self, film: Tensor) -> Scores:
        """Film [B, 1, side, side], z-scored, bright = dense -> the members' mean Scores, float32."""
        answers = [member(film) for member in self.members]
        return Scores(*(torch.stack(parts).mean(0) for parts in zip(*answers, strict=True)))


Network = LesionNet | Ensemble


def members_of(network: Network) -> tuple[LesionNet, ...]:
    """The networks that answer as this one: itself, or an ensemble's members in order."""
    if isinstance(network, LesionNet):
        return (network,)
    return tuple(member for member in network.members if isinstance(member, LesionNet))
