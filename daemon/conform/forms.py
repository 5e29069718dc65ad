"""The forms that results have: SOP class, modality, modules, and which groups of attributes they can hold at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.conform import modules
from daemon.conform.modules import Module

_PREFIX = "1.2.840.10008.5.1.4.1.1."
COMPREHENSIVE_SR, COMPREHENSIVE_3D_SR = f"{_PREFIX}88.33", f"{_PREFIX}88.34"
BASIC_TEXT_SR, CHEST_CAD_SR, KEY_OBJECT_SELECTION = f"{_PREFIX}88.11", f"{_PREFIX}88.65", f"{_PREFIX}88.59"
GSPS, SECONDARY_CAPTURE, PARAMETRIC_MAP = f"{_PREFIX}11.1", f"{_PREFIX}7", f"{_PREFIX}30"
DOCUMENTS = (COMPREHENSIVE_SR, COMPREHENSIVE_3D_SR, BASIC_TEXT_SR, CHEST_CAD_SR, KEY_OBJECT_SELECTION)

# Every group but these is somebody else's module.
_COMMON_GROUPS = frozenset((0x0008, 0x0010, 0x0012, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040, 0x4010))


@dataclass(frozen=True, slots=True)
class Form:
    """kinds: the outputs of `[[destination]]` of this SOP class. groups: those that it may hold in addition."""

    kinds: tuple[str, ...]
    modality: str
    modules: tuple[Module, ...]
    groups: tuple[int, ...] = ()


# PS3.3 A.35.1, A.35.3, A.35.13, A.35.6, A.35.4, A.33.1, A.8.1, A.75; Modality: C.17.1, C.17.6.1, C.11.9, C.7.3.1
FORMS: Mapping[str, Form] = {
    COMPREHENSIVE_SR: Form(("sr",), "SR", (modules.SR_DOCUMENT, modules.PROMISED_EQUIPMENT)),
    COMPREHENSIVE_3D_SR: Form(("sr",), "SR", (modules.SR_DOCUMENT, modules.ENHANCED_EQUIPMENT)),
    BASIC_TEXT_SR: Form(("text-sr",), "SR", (modules.SR_DOCUMENT, modules.PROMISED_EQUIPMENT)),
    CHEST_CAD_SR: Form(("chest-cad-sr",), "SR", (modules.SR_DOCUMENT, modules.PROMISED_EQUIPMENT)),
    KEY_OBJECT_SELECTION: Form(("kos", "rejection"), "KO", (modules.KEY_OBJECTS, modules.PROMISED_EQUIPMENT)),
    GSPS: Form(
        ("gsps",), "PR", (modules.PRESENTATION_STATE, modules.PROMISED_EQUIPMENT), (0x0028, 0x0070, 0x2050, 0x6000)
    ),
    SECONDARY_CAPTURE: Form(
        ("sc",), "OT", (modules.SECONDARY_CAPTURE, modules.PROMISED_EQUIPMENT), (0x0028, 0x0070, 0x2050, 0x7FE0)
    ),
    PARAMETRIC_MAP: Form(
        ("parametric-map",), "OT", (modules.PARAMETRIC_MAP, modules.ENHANCED_EQUIPMENT),
        (0x0028, 0x0070, 0x2050, 0x5200, 0x7FE0),
    ),
}  # fmt: skip
# PS3.3 A.35.3 and A.35.13, by what the destination's viewer draws
SR_PROFILES: Mapping[str, str] = {"air": COMPREHENSIVE_3D_SR, "stone": COMPREHENSIVE_SR, "ohif": COMPREHENSIVE_SR}


def may_hold(form: Form, tag: int) -> bool:
    """Whether a top-level attribute can be one of the form's modules, by its group."""
    group = tag >> 16
    overlay = 0x6000 if 0x6000 <= group <= 0x601E else group
    return group in _COMMON_GROUPS or group in form.groups or overlay in form.groups
