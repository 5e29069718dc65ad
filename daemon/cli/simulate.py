"""thoraxd simulate: what our order of reading does to turnaround, in a hospital made of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from daemon.cli.commands import Json, app, console, print_lines


@app.command()
def simulate(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="baltruschat, ours, or TOML files; default: both of these")
    ] = None,
    days: Annotated[int, typer.Option(min=4, help="simulated days")] = 10_000,
    seed: Annotated[int, typer.Option(min=0)] = 2021,
    out: Annotated[
        Path | None, typer.Option(help="write the report here, Markdown, its plots into img/ beside it")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare orders of reading on simulated films: first in first out, by finding, by probability, and ours."""
    from daemon.simulation import report
    from daemon.simulation.scenario import SHIPPED, load
    from daemon.simulation.trial import run

    chosen = [(Path(name).stem, load(name)) for name in scenarios or SHIPPED]
    trials = [run(scenario, days, seed) for _, scenario in chosen]
    if out is not None:
        plots = [f"img/simulation-{name}.png" for name, _ in chosen]
        (out.parent / "img").mkdir(parents=True, exist_ok=True)
        for trial, plot in zip(trials, plots, strict=True):
            report.plot(trial, out.parent / plot)
        out.write_text(report.markdown(trials, plots), encoding="utf-8")
    if as_json:
        print_lines([report.as_values(trial) for trial in trials])
        return
    for trial in trials:
        table = Table("films", "policy", "mean", "p95", "worst", "maximum", title=trial.scenario.title, box=None)
        for name, by_policy in trial.figures.items():
            for policy, found in by_policy.items():
                mean = f"{found.mean.value:.1f} ({100 * found.mean_change.value:+.1f} %)"
                worst = f"{found.worst.value:.0f} ({100 * found.worst_change.value:+.1f} %)"
                table.add_row(name, policy, mean, f"{found.p95.value:.0f}", worst, f"{found.maximum:.0f}")
        console.print(table)
    console.print(
        "Minutes from film to report; changes against first in, first out. Worst: mean over blocks.", style="dim"
    )
