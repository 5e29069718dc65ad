"""Check before sending: whether an object is what the standard and the viewers demand.

`faults`, and for HL7 messages `message_faults`, are the whole interface.

Pure: pydicom and the standard library, no clock, no pixels decoded. Rules are generators over one `Subject`, a small
file each; their tables cite the clauses that they follow. The line between our faults and those of a sloppy source
image is drawn in `origin`.
"""

from daemon.conform.check import faults
from daemon.conform.fault import Expected, Fault
from daemon.conform.oru import message_faults

__all__ = ["Expected", "Fault", "faults", "message_faults"]
