"""The Chest CAD SR: PS3.3 A.35.6, PS3.16 TID 4100 and what it includes. `chest_cad_report` is the whole interface."""

from worker.encode.chest_cad.report import chest_cad_report

__all__ = ["chest_cad_report"]
