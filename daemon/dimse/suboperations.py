"""The C-STORE sub-operations of a retrieval: each instance in a transfer syntax that the peer accepted, and counted.

PS3.4 C.4.2.3 and C.4.3.3. An instance goes out as it is stored where that was accepted; else as another native
encoding of the same values, or transcoded by a renderer: this process decodes no pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from pydicom import dcmread
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian
from pynetdicom.association import Association

from daemon.core.catalogue import CatalogueInstance
from daemon.core.errors import ThoraxdError
from daemon.core.log import where
from daemon.core.outcome import Answer
from daemon.dimse.contexts import TRANSFER_SYNTAXES_SCU
from daemon.dimse.scu import Answers
from daemon.dimse.status import outcome_of
from daemon.store.archive import Archive

log = structlog.get_logger()

# The whole object under an archive key as a PS3.10 file in this transfer syntax. Raises ThoraxdError.
Transcode = Callable[[str, str], bytes]

NATIVE = frozenset({*(str(syntax.uid) for syntax in TRANSFER_SYNTAXES_SCU), str(DeflatedExplicitVRLittleEndian)})
MOST_CONTEXTS = 128  # PS3.8 table 9-11: odd ids from 1 to 255
_LARGEST_MESSAGE_ID = 0xFFFF


@dataclass
class Tally:
    """Number of Remaining, Completed, Failed and Warning Sub-operations (PS3.7 9.1.3), and the UIDs that failed."""

    remaining: int
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(default_factory=list)

    def count(self, sop_uid: str, answer: Answer) -> None:
        """One more is over. What is there already (0111) has arrived."""
        self.remaining -= 1
        if answer is Answer.ACCEPTED:
            self.completed += 1
        elif answer is Answer.ALTERED:
            self.warning += 1
        else:
            self.failed += 1
            self.failed_uids.append(sop_uid)


class _Cannot(Exception):  # noqa: N818  named by what is said of the instance
    """This instance cannot be sent on this association."""


class SubOperations:
    """Sends instances on one association, on which the peer is a Storage SCP."""

    def __init__(
        self, assoc: Association, archive: Archive, transcode: Transcode, folder: Path, limit_s: float
    ) -> None:
        self._assoc, self._archive, self._transcode, self._folder = assoc, archive, transcode, folder
        self._answers = Answers(assoc, limit_s)
        self._number = 0

    @property
    def in_order(self) -> bool:
        """Whether the association can be released."""
        return self._answers.in_order

    def close(self) -> None:
        """No more instances."""
        self._answers.close()

    def send(self, instance: CatalogueInstance, originator: tuple[str, int] | None) -> Answer:
        """One C-STORE. BROKEN: the association is of no use any more."""
        if not self._answers.usable:
            return Answer.BROKEN
        self._number = self._number % _LARGEST_MESSAGE_ID + 1
        try:
            with self._file(instance) as file:
                status = self._answers.store(file, self._number, originator)
        except (_Cannot, ThoraxdError, OSError) as error:
            log.warning("retrieve.unsent", instance=instance.sop_uid, why=str(error))
            return Answer.REFUSED
        except Exception as error:  # noqa: BLE001  pydicom has no closed set of errors for odd files
            log.error("retrieve.unsent", instance=instance.sop_uid, kind=type(error).__name__, at=where(error))
            return Answer.REFUSED
        if status is None:
            return Answer.BROKEN
        outcome = outcome_of(status)
        if not outcome.accepted:
            log.warning("retrieve.refused", instance=instance.sop_uid, why=outcome.reason)
        return outcome.answer if outcome.answer is not Answer.BROKEN else Answer.REFUSED

    @contextmanager
    def _file(self, instance: CatalogueInstance) -> Iterator[Path]:
        """A file of the instance in a transfer syntax that was accepted. Raises _Cannot, ThoraxdError."""
        stored, accepted = instance.transfer_syntax_uid, self._accepted(instance.sop_class_uid)
        if not accepted:
            raise _Cannot("its SOP class was not accepted")
        if stored in accepted:
            with self._archive.local(instance.key) as file:
                yield file
            return
        native = [syntax for syntax in accepted if syntax in NATIVE]
        with NamedTemporaryFile(dir=self._folder, suffix=".dcm") as copy:
            if stored in NATIVE and native:
                ds = dcmread(self._archive.read(instance.key))
                ds.file_meta.TransferSyntaxUID = UID(native[0])
                ds.save_as(copy, enforce_file_format=True)
            else:
                copy.write(self._transcode(instance.key, (native or accepted)[0]))
            copy.flush()
            yield Path(copy.name)

    def _accepted(self, sop_class_uid: str) -> list[str]:
        contexts = (c for c in self._assoc.accepted_contexts if c.as_scu and c.abstract_syntax == sop_class_uid)
        return [str(context.transfer_syntax[0]) for context in contexts]


def contexts_for(instances: Iterable[CatalogueInstance]) -> Sequence[tuple[str, str]]:
    """What to propose for these: each SOP class as stored, then native, one transfer syntax a context."""
    stored = dict.fromkeys((item.sop_class_uid, item.transfer_syntax_uid) for item in instances)
    classes = dict.fromkeys(sop_class for sop_class, _ in stored)
    native = dict.fromkeys((sop_class, str(syntax.uid)) for sop_class in classes for syntax in TRANSFER_SYNTAXES_SCU)
    return list(dict.fromkeys((*stored, *native)))[:MOST_CONTEXTS]
