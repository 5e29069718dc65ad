"""What a person sees of a run: a bar that fills by time, with the time left, and a line a save above it."""

from __future__ import annotations

import math

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from model.train.pace import Pace, in_words
from model.train.parallel import Team
from model.train.recipe import Recipe
from model.train.state import State


class Display:
    """The progress bar with the time left, in the process that speaks."""

    def __init__(self, team: Team, state: State, recipe: Recipe, pace: Pace) -> None:
        self.pace, self.recipe = pace, recipe
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} % {task.fields[left]}"),
        )
        self.progress = Progress(*columns, console=Console(), disable=not team.leads)
        left = pace.left_s(state.steps)
        self.task = self.progress.add_task("training", total=1.0, left="")
        if team.leads:
            begun = f"goes on at {state.steps * recipe.batch:,} of" if state.steps else "draws"
            self.say(f"{begun} {recipe.steps * recipe.batch:,} films, about {in_words(left)} on this machine")

    def __enter__(self) -> Display:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def say(self, line: str) -> None:
        """A line above the bar."""
        self.progress.console.print(line, highlight=False, soft_wrap=True)

    def stepped(self, state: State, seconds: float) -> None:
        """One more step was done."""
        self.pace.took(state.steps, seconds)
        left = self.pace.left_s(state.steps)
        drawn = f"{state.steps * self.recipe.batch:,} films, {in_words(left)} left"
        self.progress.update(self.task, completed=state.spent_s / max(state.spent_s + left, 1e-9), left=drawn)


def described(state: State) -> str:
    """One line for the log."""
    row = state.curve[-1]
    look = "" if math.isnan(row["held_out_auc"]) else f", AUC on films left out {row['held_out_auc']:.3f}"
    return f"{row['drawn']:,.0f} films, {in_words(row['seconds'])}: loss {row['total']:.2f}{look}"
