"""Which storage contexts our SCP accepts on one association: PS3.7 D.3.3.4, PS3.4 C.4.3.

A requestor that will retrieve by C-GET proposes itself as Storage SCP (role selection): then everything that the
archive holds may go to it, our results among it. Without a role a requestor may send images, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

from pynetdicom import build_context
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext

from daemon.dimse.contexts import STORAGE_SCP, STORAGE_SCU, TRANSFER_SYNTAXES_SCP

_SYNTAXES = [syntax.uid for syntax in TRANSFER_SYNTAXES_SCP]
_RECEIVED = frozenset(str(sop_class.uid) for sop_class in STORAGE_SCP)
_HELD = _RECEIVED | frozenset(str(sop_class.uid) for sop_class in STORAGE_SCU)


def offer_retrieval(assoc: Association) -> None:
    """Once the A-ASSOCIATE-RQ is there: accept the role of Storage SCP from a requestor that proposes it."""
    roles: Mapping[str, object] = {
        str(uid): item for uid, item in assoc.requestor.role_selection.items() if item.scp_role and str(uid) in _HELD
    }
    if roles:
        kept = [context for context in assoc.acceptor.supported_contexts if str(context.abstract_syntax) not in roles]
        assoc.acceptor.supported_contexts = [*kept, *map(_served, roles)]


def _served(sop_class_uid: str) -> PresentationContext:
    context = build_context(sop_class_uid, _SYNTAXES)
    context.scu_role, context.scp_role = sop_class_uid in _RECEIVED, True  # of the requestor
    return context
