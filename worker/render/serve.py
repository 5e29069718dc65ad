"""`python -m worker.render.serve PARENT BYTES`: pictures and copies for the daemon, asked over stdin; docs/adr/0016.

Started by daemon/web/renderer_process.py, which says how a message looks. Ends with its parent and when its input
ends; BYTES limits its address space. Answers {"refused": reason} where no picture can be made, and never a traceback:
the reason names attributes, sizes and kinds of errors, no patient data.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
import warnings
from collections.abc import Mapping
from typing import IO, Any

from daemon.core.errors import ThoraxdError
from worker.render.requests import REQUESTS

_PR_SET_PDEATHSIG = 1  # prctl(2)
_TOO_LARGE = "the picture is too large for this machine"


def main() -> int:
    """Until the parent closes its pipe."""
    parent, memory = int(sys.argv[1]), int(sys.argv[2])
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before we asked to be told
        return 1
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would be full of patients' pictures
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # codecs print
    _send(answers, {}, [])
    while (head := sys.stdin.buffer.read(4)) and len(head) == 4:
        request = json.loads(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))
        _send(answers, *_answer(request))
    return 0


def _answer(request: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's of odd values; what matters is raised
        try:
            return REQUESTS[request["what"]](request)
        except ThoraxdError as error:
            return {"refused": str(error)}, []
        except MemoryError:
            return {"refused": _TOO_LARGE}, []
        except Exception as error:  # noqa: BLE001  pydicom has no closed set of errors for broken values
            return {"refused": f"the object is broken ({type(error).__name__})"}, []


def _send(answers: IO[bytes], said: Mapping[str, Any], parts: list[bytes]) -> None:
    message = json.dumps({**said, "parts": [len(part) for part in parts]}).encode()
    answers.write(struct.pack(">I", len(message)) + message)
    for part in parts:
        answers.write(part)
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
