// What every page does: the list of keys, words for a screen reader, parts of the page fetched anew.

const help = document.getElementById("help"), opener = document.getElementById("help-open");
opener.hidden = false;
opener.addEventListener("click", () => help.showModal());

/** Whether a control needs the key itself: a text field all, a choice or a slider those that are not a letter. */
function needs(control, key) {
  return Boolean(control) && !(control.matches("select, [type=range]") && key.length === 1 && key !== " ");
}

/** Calls `act` of the key pressed, unless the reader is typing or a dialog is open. */
export function onKeys(acts) {
  addEventListener("keydown", event => {
    if (needs(event.target.closest("input, textarea, select"), event.key) || help.open || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") { help.showModal(); event.preventDefault(); return; }
    const name = event.shiftKey && event.key.startsWith("Arrow") ? `Shift+${event.key}` : event.key;
    if (name in acts && acts[name](event) !== false) event.preventDefault();
  });
}

/** Says it to those who do not see it; and, where it is of note, to all. */
export function say(words, noted = false) {
  const said = document.getElementById("said");
  said.textContent = words;
  said.className = noted ? "notice" : "sr";
  clearTimeout(hiding);
  if (noted) hiding = setTimeout(() => { said.className = "sr"; }, 10000);
}
let hiding = 0;

/** The session has ended: to the form, and back. */
export function signIn() {
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}

/** The part of a page that `url` gives, as a DocumentFragment; null where it could not be had. */
export async function fragment(url, options = {}) {
  try {
    const signal = AbortSignal.timeout(10000); // a network that swallows packets answers nothing at all
    const answer = await fetch(url, { ...options, signal, headers: { ...options.headers, "X-Fragment": "1" } });
    if (answer.status === 401) signIn();
    if (!answer.ok) return null;
    const made = document.createElement("template");
    made.innerHTML = await answer.text();
    return made.content;
  } catch {
    return null; // the server is away; the stream of events says so
  }
}
