// Dark or light: what the reader chose here, else what the system wants. Runs before the first paint, so that a dark
// room stays dark.
(() => {
  const root = document.documentElement, kept = "thoraxd-theme";
  const light = matchMedia("(prefers-color-scheme: light)");
  const now = () => localStorage.getItem(kept) ?? (light.matches ? "light" : "dark");
  const show = () => { root.dataset.theme = now(); };
  show();
  light.addEventListener("change", show);
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const other = () => (now() === "dark" ? "light" : "dark");
    const label = () => { button.title = other() === "light" ? "Light colours" : "Dark colours"; button.ariaLabel = button.title; };
    button.addEventListener("click", () => { localStorage.setItem(kept, other()); show(); label(); });
    button.hidden = false;
    label();
  });
})();
