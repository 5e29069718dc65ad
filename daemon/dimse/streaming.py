"""Received data sets go to disk as they come, fragment by fragment, into our incoming folder.

pynetdicom can do this (STORE_RECV_CHUNKED_DATASET), but it fixes the folder to the system's temporary one, usually
another file system than the archive's (so that no rename can keep the file), and it leaves the file of an instance
whose association breaks. Both are mended here; pyproject.toml pins the pynetdicom version this was read against
(3.0: dimse_messages.decode_msg, dimse.receive_primitive).
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

import pynetdicom.dimse_messages
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE


def stream_to(incoming: Path) -> None:
    """From now on every C-STORE data set in this process is streamed into `incoming`; files are sent as they are."""
    incoming.mkdir(parents=True, exist_ok=True)
    _config.STORE_RECV_CHUNKED_DATASET = True
    _config.STORE_SEND_CHUNKED_DATASET = True  # files that are retrieved go out as they lie there, too
    _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False  # they name patients, and cost time
    setattr(pynetdicom.dimse_messages, "NamedTemporaryFile", partial(NamedTemporaryFile, dir=incoming))  # noqa: B010


def sweep(incoming: Path) -> int:
    """Remove what a killed process left half received; how many files. Only before the SCP starts."""
    leftovers = [path for path in incoming.glob("*") if path.is_file()]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def discard_unfinished(assoc: Association) -> None:
    """Remove the files of instances that this association did not bring to an end."""
    message = assoc.dimse.message
    files = [message._data_set_file] if message is not None else []
    while not assoc.dimse.msg_queue.empty():  # received whole, but never served: never acknowledged either
        _, primitive = assoc.dimse.msg_queue.get_nowait()
        if isinstance(primitive, C_STORE):
            files.append(primitive._dataset_file)
    for file in files:
        if file is not None:
            with suppress(OSError):  # on a full disk it cannot be flushed, but it is closed
                file.close()
            Path(file.name).unlink(missing_ok=True)
