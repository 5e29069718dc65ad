// Queue and health: looked at anew whenever something changed, and every 15 s for what only time changes.

import { live } from "./live.js";
import { fragment, onKeys } from "./page.js";

const panel = document.getElementById("panel");

async function refresh() {
  const made = await fragment("/queue");
  if (made && !panel.contains(document.activeElement)) panel.replaceChildren(made);
}

onKeys({ Escape: () => location.assign("/") });
live("queue", refresh);
setInterval(refresh, 15000);
