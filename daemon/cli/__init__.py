"""The command line: each command decodes its options, calls one thing, prints."""

from __future__ import annotations

import sys

from rich.console import Console

from daemon.cli import feedback, orders, password, pull, resending, simulate, verify, worklist  # noqa: F401  declare their commands
from daemon.cli.commands import app
from daemon.core.errors import SettingsError, StoreUnavailable


def main() -> None:
    """Run the command; a mistake of the user's ends in words, not in a traceback."""
    try:
        app()
    except SettingsError as error:
        complaints = Console(stderr=True)
        for mistake in error.mistakes:
            complaints.print(f"settings: {mistake}", style="red", markup=False)
        sys.exit(2)
    except (StoreUnavailable, OSError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        sys.exit(1)
