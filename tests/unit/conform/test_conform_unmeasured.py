"""A report without lesions for OHIF is no measurement report, and only there (worker/encode/profiles.py)."""

from __future__ import annotations

from pydicom import Dataset

from daemon.conform import faults
from tests.support.conform import Case, film, objects
from tests.support.reports import make_request
from worker.encode.codes import REPORT
from worker.encode.header import coded


def report(profile: str) -> Case:
    """The SR of a film without a lesion."""
    return next(case for case in objects(make_request(film()), ("sr",)) if case.expected.profile == profile)


def rules(case: Case) -> set[str]:
    return {fault.rule for fault in faults(case.dataset, case.sources, case.expected)}


def titled(case: Case, title: Dataset, template: str) -> Case:
    case.dataset.ConceptNameCodeSequence = [title]
    if template:
        of = Dataset()
        of.MappingResource, of.TemplateIdentifier = "DCMR", template
        case.dataset.ContentTemplateSequence = [of]
    else:
        del case.dataset.ContentTemplateSequence
    return case


def test_each_flavour_passes_as_it_is_made() -> None:
    assert [rules(report(profile)) for profile in ("air", "stone", "ohif")] == [set()] * 3


def test_a_measurement_report_of_nothing_is_not_sent_to_ohif() -> None:
    assert "sr-unmeasured" in rules(titled(report("ohif"), coded(REPORT)[0], "1500"))


def test_the_other_flavours_stay_measurement_reports() -> None:
    title = report("ohif").dataset.ConceptNameCodeSequence[0]

    assert "sr-root" in rules(titled(report("air"), title, ""))
