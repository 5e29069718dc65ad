// Waiting times tick. The words are those of words.py.

export function lasting(seconds) {
  const minutes = Math.floor(Math.max(seconds, 0) / 60);
  if (minutes < 1) return `${Math.floor(Math.max(seconds, 0))} s`;
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

function set(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

export function tick() {
  const now = Date.now() / 1000;
  for (const one of document.querySelectorAll("[data-since]")) set(one, lasting(now - one.dataset.since));
  for (const one of document.querySelectorAll("[data-due]")) {
    const left = one.dataset.due - now;
    set(one, left < 0 ? `overdue ${lasting(-left)}` : `due in ${lasting(left)}`);
    one.classList.toggle("over", left < 0);
  }
}

setInterval(tick, 1000);
