// Accept and reject without leaving the film; without this file the same forms lead back to the page.

import { say } from "./page.js";

/** after: called when a verdict is on record. */
export function verdicts(panel, after) {
  panel.addEventListener("submit", async event => {
    const form = event.target;
    if (!form.matches(".verdict")) return;
    event.preventDefault();
    const button = event.submitter, body = new URLSearchParams(new FormData(form, button));
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Fragment": "1" } }).catch(() => null);
    say(answer?.ok ? `${button.getAttribute("aria-label")}: on record` : "Not on record: load the page again");
    if (answer?.ok) await after();
  });
}

/** Presses Accept or Reject of the lesion that has the focus, else of the study. */
export function press(panel, name) {
  const within = document.activeElement.closest("li[data-lesion]") ?? panel.querySelector(".ai");
  within?.querySelector(`button.${name}`)?.click();
}
