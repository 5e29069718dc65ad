"""The key that signs cookies and seals UIDs in URLs: made once, kept in home/web.secret for its owner alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from daemon.core.errors import SettingsError

_LENGTH = 32


def web_secret(home: Path) -> bytes:
    """The secret, made where there is none. Raises SettingsError where it cannot be kept."""
    path = home / "web.secret"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        kept = path.read_bytes()
    except OSError as error:
        raise SettingsError([f"{path}: {error.strerror}"]) from error
    if len(kept) < _LENGTH:
        raise SettingsError([f"{path} is damaged: remove it, and all are signed out"])
    return kept


def _make(path: Path) -> None:
    """Whole or not at all: another process may look for it now."""
    draft = path.with_name(f"web.secret.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_LENGTH))
        file.flush()
        os.fsync(file.fileno())  # an empty one, after the power was cut, would keep us from starting
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # somebody was quicker: theirs is the one
    finally:
        draft.unlink()
