// Accept, reject and "Mark as read" without leaving the film; without this file the same forms lead back to the page.

import { say, signIn } from "./page.js";

/** after: called when it is on record. */
export function verdicts(panel, after) {
  panel.addEventListener("submit", async event => {
    const form = event.target;
    if (!form.matches(".verdict, .read")) return;
    event.preventDefault();
    const button = event.submitter, body = new URLSearchParams(new FormData(form, button));
    const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Fragment": "1" } }).catch(() => null);
    if (answer?.status === 401) { signIn(); return; }
    const what = form.matches(".read") ? "Read" : button.getAttribute("aria-label");
    if (answer?.ok) say(`${what}: on record`);
    else say(`Not on record: ${(await answer?.text()) || "thoraxd does not answer"}`, true);
    await after();
  });
}

/** Presses Accept or Reject of the lesion that has the focus, else of the study. */
export function press(panel, name) {
  const within = document.activeElement.closest("li[data-lesion]") ?? panel.querySelector(".ai");
  within?.querySelector(`button.${name}`)?.click();
}
