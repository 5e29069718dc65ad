"""An association of our SCP while one of its requests is served, which may take long: is the peer there, does it read?

pynetdicom's reactor stands still meanwhile and queues without bound what a peer does not read. Read against pynetdicom
3.0: association._run_reactor, dul.send_pdu, dul.idle_timer_expired, acse.is_aborted.
"""

from __future__ import annotations

import time

from pynetdicom.association import Association

MOST_QUEUED = 64  # PDUs


def gone(assoc: Association) -> bool:
    """Whether nobody will hear another response."""
    return not assoc.is_established or not assoc.dul.is_alive() or assoc.acse.is_aborted()


def keep_pace(assoc: Association) -> bool:
    """Wait until the peer has read most of what was sent; False: it is gone. One that reads no more is cut (guard.py).

    It has nothing to say meanwhile, which must not count as silence when the reactor goes on.
    """
    while assoc.dul.to_provider_queue.qsize() > MOST_QUEUED:
        if gone(assoc):
            return False
        time.sleep(0.002)
    assoc.dul._idle_timer.restart()
    return not gone(assoc)


def cancelled(assoc: Association, message_id: int) -> bool:
    """Whether the peer has sent C-CANCEL for this message (PS3.7 9.3.2.3)."""
    return message_id in assoc.dimse.cancel_req
