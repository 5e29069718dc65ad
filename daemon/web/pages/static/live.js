// Server-sent events: calls `look` whenever the server says that something changed, and after each reconnection. A page
// is live while the server is heard: it says "here" every so many seconds, and a network may go silent without an error.

export function live(topic, look) {
  const sign = document.getElementById("live"), words = sign.querySelector(".live-words");
  const show = on => { sign.hidden = false; sign.classList.toggle("on", on); words.textContent = on ? "live" : "not live"; };
  let busy = false, again = false;
  const once = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      do { again = false; await look(); } while (again);
    } finally { busy = false; }
  };
  let source = null, due = 0, watch = 0, patience = 0; // milliseconds; 0: not told yet
  const heard = () => {
    clearTimeout(watch);
    if (patience) watch = setTimeout(() => { show(false); listen(); }, patience);
  };
  const listen = () => {
    for (const timer of [due, watch]) clearTimeout(timer);
    source?.close();
    source = null;
    if (document.hidden) { show(false); return; } // a browser has six connections to a server: those behind leave theirs to others
    source = new EventSource(`/events?of=${encodeURIComponent(topic)}`);
    heard();
    source.addEventListener("open", () => { show(true); once(); });
    source.addEventListener("here", ({ data }) => { patience = 2500 * data; heard(); });
    source.addEventListener("changed", () => { heard(); once(); });
    source.addEventListener("closing", () => { source.close(); show(false); due = setTimeout(listen, 3000); });
    source.addEventListener("error", () => {
      show(false);
      if (source?.readyState !== EventSource.CLOSED) return;
      due = setTimeout(listen, 10000); // refused: no browser tries again
      once(); // which finds out whether the session has ended
    });
  };
  document.addEventListener("visibilitychange", listen);
  listen();
}
