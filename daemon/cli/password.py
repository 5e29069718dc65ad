"""`thoraxd password`: a password as the settings may keep it."""

from __future__ import annotations

import typer

from daemon.cli.commands import app
from daemon.core.passwords import hashed


@app.command()
def password() -> None:
    """Ask for a password and print what belongs into `[[user]] password` in its place."""
    typed = typer.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    typer.echo(hashed(typed))
