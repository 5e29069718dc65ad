// What every page does: the list of keys, words for a screen reader, parts of the page fetched anew.

const help = document.getElementById("help"), opener = document.getElementById("help-open");
opener.hidden = false;
opener.addEventListener("click", () => help.showModal());

/** Calls `act` of the key pressed, unless the reader is typing or a dialog is open. */
export function onKeys(acts) {
  addEventListener("keydown", event => {
    const typing = event.target.closest("input, textarea, select");
    if (typing || help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") { help.showModal(); event.preventDefault(); return; }
    const name = event.shiftKey && event.key.startsWith("Arrow") ? `Shift+${event.key}` : event.key;
    if (name in acts && acts[name](event) !== false) event.preventDefault();
  });
}

/** Says it to those who do not see it. */
export function say(words) {
  document.getElementById("said").textContent = words;
}

/** The part of a page that `url` gives, as a DocumentFragment; null where it could not be had. */
export async function fragment(url, options = {}) {
  try {
    const answer = await fetch(url, { ...options, headers: { ...options.headers, "X-Fragment": "1" } });
    if (answer.status === 401) location.assign("/login"); // the session has ended
    if (!answer.ok) return null;
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    return made.content;
  } catch {
    return null; // the server is away; the stream of events says so
  }
}
