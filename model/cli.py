"""`thoraxd-model`: the detector's own tools. Mounted by the worker's command line, which adds `detect`.

A command is a module of `model.commands`: it decodes its arguments, calls the code that does the work and prints.
"""

from __future__ import annotations

import typer

from model.commands.bench import bench
from model.commands.calibrate import calibrate
from model.commands.evaluate import evaluate
from model.commands.experiments import experiments
from model.commands.reproduce import reproduce
from model.commands.robustness import robustness
from model.commands.seed import seed, seed_image, seed_table
from model.commands.train import train

app = typer.Typer(help="Train, judge, calibrate and time the detector.", no_args_is_help=True)
app.command()(train)
app.command()(reproduce)
app.command()(evaluate)
app.command()(calibrate)
app.command()(bench)
app.command()(experiments)
app.command()(robustness)
app.command()(seed)
app.command()(seed_image)
app.command()(seed_table)
