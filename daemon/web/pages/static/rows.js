// Brings the rows on the page to what the server says, each to its place, without losing focus or scroll.

const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Returns [{row, kind}] for what a reader should notice: "new" rows, and rows "moved" because they were ranked anew. */
export function reconcile(holder, fresh) {
  const body = holder.querySelector("tbody"), wanted = fresh.querySelector("tbody");
  if (!body || !wanted) {
    holder.replaceChildren(fresh);
    return [...holder.querySelectorAll("tbody tr")].map(row => ({ row, kind: "new" }));
  }
  const focused = document.activeElement, before = new Map(), held = anchor(body), heldAt = held && top(held);
  for (const row of body.rows) before.set(row.dataset.key, { row, from: top(row) });
  const noticed = [], keys = new Set();
  [...wanted.rows].forEach((next, index) => {
    const old = before.get(next.dataset.key);
    const row = old ? update(old.row, next, noticed) : next;
    if (!old) noticed.push({ row, kind: "new" });
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
    keys.add(next.dataset.key);
  });
  for (const [key, { row }] of before) if (!keys.has(key)) row.remove();
  replaceRest(holder, fresh);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  if (held?.isConnected) scrollBy(0, top(held) - heldAt);
  for (const { row, from } of before.values()) if (row.isConnected) slide(row, from);
  for (const { row } of noticed) point(row);
  return noticed;
}

const top = row => row.getBoundingClientRect().top;

/** The row that must stay under the reader's eyes: with the focus, under the mouse, else the first in sight. */
function anchor(body) {
  const seen = [...body.rows].filter(row => top(row) >= 0 && top(row) < innerHeight);
  return seen.find(row => row.contains(document.activeElement)) ?? seen.find(row => row.matches(":hover")) ?? (scrollY > 0 ? seen[0] : undefined);
}

function rank(row) {
  return `${row.className.replace("fresh", "").trim()} ${row.querySelector("[data-due]")?.dataset.due}`;
}

function update(row, next, noticed) {
  if (rank(row) !== rank(next)) noticed.push({ row, kind: "moved" });
  row.className = next.className;
  row.dataset.place = next.dataset.place;
  [...next.cells].forEach((cell, at) => {
    const here = row.cells[at];
    if (!cell.matches(".film") && here.innerHTML !== cell.innerHTML) here.replaceChildren(...cell.childNodes);
  });
  return row;
}

/** What stands round the table: how many were found, the pages. */
function replaceRest(holder, fresh) {
  for (const part of [".found", ".paging"]) {
    const old = holder.querySelector(part), next = fresh.querySelector(part);
    if (old && next) old.replaceWith(next);
    else if (old) old.remove();
    else if (next) holder[part === ".found" ? "prepend" : "append"](next);
  }
}

function slide(row, from) {
  const by = from - top(row);
  if (by && !still.matches) row.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 400, easing: "ease-out" });
}

function point(row) {
  row.classList.add("fresh");
  setTimeout(() => row.classList.remove("fresh"), 4000);
}
