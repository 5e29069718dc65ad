// The reading worklist: live, searchable, by keyboard.

import { tick } from "./clock.js";
import { live } from "./live.js";
import { keepOrder, lastStudy } from "./neighbours.js";
import { fragment, onKeys, say } from "./page.js";
import { reconcile } from "./rows.js";

const holder = document.getElementById("rows"), search = document.getElementById("search"), field = search.q;
let sought = field.value;

const rows = () => [...holder.querySelectorAll("tbody tr")];
const link = row => row.querySelector("a");
const keep = () => keepOrder(rows().map(row => row.dataset.key), sought ? "/" : location.pathname + location.search);

async function refresh() {
  const asked = sought; // a patient's name stays out of the URL: it is sent in the body
  const made = await (asked ? fragment("/", { method: "POST", body: new URLSearchParams({ q: asked }) })
    : fragment(location.pathname + location.search));
  if (asked !== sought) return;
  if (!made) { empty(asked ? "Not searched yet: thoraxd does not answer." : "The list is not here yet: thoraxd does not answer."); return; }
  const noticed = reconcile(holder, made);
  tick();
  keep();
  const above = noticed.some(({ row }) => row.getBoundingClientRect().bottom < 0); // out of sight, and read before
  if (noticed.length) say(noticed.slice(0, 3).map(told).join("; ") + (noticed.length > 3 ? `; ${noticed.length - 3} more` : ""), above);
}

/** In place of a list that was taken away before the next had come. */
function empty(words) {
  if (holder.hasChildNodes()) return;
  holder.append(Object.assign(document.createElement("p"), { className: "empty", textContent: words }));
}

function told({ row, kind }) {
  const priority = row.querySelector(".priority")?.textContent.trim() ?? "";
  return `${kind === "new" ? "New" : "Moved"}: ${link(row).textContent}, ${priority} priority, place ${row.dataset.place}`;
}

function move(by) {
  const all = rows(), at = all.findIndex(row => row.contains(document.activeElement));
  const row = all[Math.min(Math.max(at < 0 ? 0 : at + by, 0), all.length - 1)];
  if (row) link(row).focus();
}

search.addEventListener("submit", event => {
  event.preventDefault();
  sought = field.value.trim();
  holder.classList.toggle("searching", Boolean(sought));
  holder.replaceChildren();
  refresh().then(() => sought && say(holder.querySelector(".found, .empty")?.textContent ?? ""));
});
field.addEventListener("keydown", event => {
  if (event.key !== "Escape") return;
  field.value = "";
  field.blur();
  if (sought) search.requestSubmit();
});
holder.addEventListener("error", ({ target: picture }) => {
  picture.classList.add("absent");
  if (!picture.dataset.again) setTimeout(() => { picture.src = picture.src; }, 5000); // the renderers may have been busy
  picture.dataset.again = "1";
}, true);
holder.addEventListener("load", ({ target: picture }) => picture.classList.remove("absent"), true);

const to = list => () => location.assign(`/?list=${list}`);
onKeys({
  j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
  "/": () => { field.focus(); field.select(); },
  1: to("to-read"), 2: to("in-progress"), 3: to("read"),
});
keep();
const last = rows().find(row => row.dataset.key === lastStudy());
if (last) link(last).focus();
live("worklist", refresh);
