"""Check before sending: whether an object is what the standard and the viewers demand. `faults` is the whole interface.

Pure: pydicom and the standard library, no clock, no pixels decoded. Rules are generators over one `Subject`, a small
file each; their tables cite the clauses that they follow. The line between our faults and those of a sloppy source
image is drawn in `origin`.
"""

from daemon.conform.check import faults
from daemon.conform.fault import Expected, Fault

__all__ = ["Expected", "Fault", "faults"]
