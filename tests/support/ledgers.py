"""Steps of a study through the ledger, as loops and workers take them."""

from __future__ import annotations

from daemon.core.records import NewOutput, ReceivedInstance, Wanted
from daemon.core.states import JobState

PACS = Wanted("pacs", ("sr", "gsps"), "air", True)
LEASE_S, ATTEMPTS = 15.0, 3


def instance(sop_uid="1.2.1", study_uid="1.2", eligibility="ELIGIBLE", reason=""):
    return ReceivedInstance(
        study_uid, "1.2.0", sop_uid, "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.1.2.1", f"{study_uid}/{sop_uid}.dcm",
        "d" * 64, 1000, "MODALITY", eligibility, reason,
    )  # fmt: skip


def output(sop_uid, kind="sr", profile="air"):
    return NewOutput(
        sop_uid, "2.25.9", "1.2.840.10008.5.1.4.1.1.88.34", kind, profile, True, "", f"k/{sop_uid}", "e" * 64
    )


def state(ledger, study_uid="1.2"):
    return ledger.views.studies([study_uid])[0]["state"]


def job_ids(ledger, now, kind="analyse"):
    return [job_id for job_id, found in ledger.jobs.take_unsent(now, 20.0, 64) if found == kind]


def complete(ledger, now):
    return ledger.settling.complete(ledger.settling.receiving(), now)


def answer(ledger, now, as_state=JobState.DONE, **what):
    for job_id in job_ids(ledger, now):
        job = ledger.jobs.claim(job_id, "w", now, LEASE_S, ATTEMPTS)
        ledger.jobs.finish_analysis(job, "w", as_state, now, **what)


def report(ledger, now, *outputs, delivered=True):
    (job_id,) = job_ids(ledger, now, "report")
    job = ledger.jobs.claim(job_id, "w", now, LEASE_S, ATTEMPTS)
    return ledger.jobs.finish_report(job, "w", outputs, now, delivered=delivered)


def deliver(ledger, now):
    for item in ledger.deliveries.due("pacs", now, 60.0, 100):
        ledger.deliveries.sent(item.id, 0, now)


def reported(ledger, *outputs, wanted=PACS):
    ledger.intake.record(instance(), 100.0)
    complete(ledger, 103.0)
    answer(ledger, 103.0, answer="{}", probability=0.9, positive=True)
    ledger.settling.close_answered(104.0)
    report(ledger, 104.0, *(outputs or [output("2.25.1"), output("2.25.2", "gsps", "")]))
    ledger.settling.queue_deliveries([wanted], 105.0)
