// Server-sent events: calls `look` whenever the server says that something changed, and after each reconnection.

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
  let source = null, due = 0;
  const listen = () => {
    clearTimeout(due);
    source?.close();
    source = null;
    if (document.hidden) return; // a browser has six connections to a server: those behind leave theirs to others
    source = new EventSource(`/events?of=${encodeURIComponent(topic)}`);
    source.addEventListener("open", () => { show(true); once(); });
    source.addEventListener("changed", once);
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
