// The study page: the film on the stage, the panel beside it, the keys.

import { tick } from "./clock.js";
import { gestures } from "./gestures.js";
import { live } from "./live.js";
import { keepStudy, list, neighbour } from "./neighbours.js";
import { fragment, onKeys } from "./page.js";
import { Screen } from "./screen.js";
import { press, verdicts } from "./verdicts.js";

const by = id => document.getElementById(id);
const token = by("study").dataset.token, panel = by("panel");
const screen = new Screen({ stage: by("stage"), canvas: by("film"), heat: by("heat-layer"), svg: by("overlay"), message: by("message") }, told);
let films = JSON.parse(by("drawn").textContent);
let current = Math.max(films.findIndex(film => film.analysed), 0);

function told({ viewport, window, preset, presets, invert }) {
  by("scale").textContent = `${Math.round(viewport.scale * devicePixelRatio * 100)} %`;
  by("invert").setAttribute("aria-pressed", invert);
  const select = by("preset"), names = [...presets.map(one => one.name), ...(preset < 0 ? ["By hand"] : [])];
  if (select.dataset.names !== names.join()) {
    select.dataset.names = names.join();
    select.replaceChildren(...names.map((name, at) => new Option(name, at)));
  }
  select.value = preset < 0 ? presets.length : preset;
  by("readout").textContent = window ? `C ${Math.round(window.center)}  W ${Math.round(window.width)}` : "";
}

function open(at) {
  if (!films.length) return;
  current = (at + films.length) % films.length;
  strip();
  screen.open(films[current]);
  by("heat").disabled = !films[current].heat;
}

/** A button a film, where there are several. */
function strip() {
  const buttons = by("strip").children;
  by("strip").hidden = films.length < 2;
  while (buttons.length < films.length) by("strip").append(Object.assign(document.createElement("button"), { type: "button" }));
  films.forEach((film, at) => {
    Object.assign(buttons[at], { textContent: film.title }).dataset.film = film.number;
    buttons[at].setAttribute("aria-pressed", at === current);
  });
}

/** What the study has become since: the film that is looked at stays as it is, with what is now known of it. */
function renew(fresh) {
  const open_ = films[current], was = JSON.stringify(open_);
  films = fresh.map((film, at) => Object.assign(films[at] ?? {}, film)); // the screen holds on to them
  strip();
  if (!open_) open(current);
  else if (screen.broken) screen.load(open_);
  else if (JSON.stringify(open_) !== was) screen.annotate();
  by("heat").disabled = !films[current]?.heat;
}

function toggle(id, layer) {
  const on = by(id).getAttribute("aria-pressed") !== "true";
  by(id).setAttribute("aria-pressed", on);
  layer.toggleAttribute("hidden", !on);
}
const lesions = () => toggle("lesions", screen.svg), heat = () => !by("heat").disabled && toggle("heat", screen.heat);

/** Which lesion the reader means: outlined on the film, and in the list. */
function mean(number) {
  screen.overlay.point(number);
  for (const one of panel.querySelectorAll("li[data-lesion]")) {
    one.classList.toggle("meant", Number(one.dataset.film) === current + 1 && Number(one.dataset.lesion) === number);
  }
}

async function refresh() {
  const made = await fragment(`/study/${token}`);
  if (!made) return;
  const unfolded = [...panel.querySelectorAll("details")].map(one => one.open);
  const had = document.activeElement, focused = [...panel.querySelectorAll("button, a, summary")].indexOf(had);
  panel.replaceChildren(made);
  panel.querySelectorAll("details").forEach((one, at) => { one.open = unfolded[at] ?? one.open; });
  const there = panel.querySelectorAll("button, a, summary")[focused];
  // What had the focus may be gone: then it must not go to whatever button stands there now.
  if (focused >= 0) (there?.textContent === had.textContent ? there : screen.stage).focus({ preventScroll: true });
  renew(JSON.parse(by("drawn").textContent));
  tick();
}

gestures(screen.stage, {
  window: (dx, dy) => screen.drag(dx, dy),
  move: (dx, dy) => screen.viewport.move(dx, dy),
  zoom: (factor, point) => screen.viewport.zoom(factor, point),
  fit: () => screen.viewport.fit(),
  point: at => mean(at && !screen.svg.hasAttribute("hidden") ? screen.overlay.at(screen.viewport.toSource(at)) : null),
});
for (const name of ["pointerover", "focusin"]) {
  panel.addEventListener(name, event => {
    const item = event.target.closest("li[data-lesion]");
    if (item && Number(item.dataset.film) === current + 1) mean(Number(item.dataset.lesion));
  });
}
for (const name of ["pointerleave", "focusout"]) panel.addEventListener(name, () => mean(null));
panel.addEventListener("click", event => {
  const item = event.target.closest(".lesion")?.closest("li");
  if (item && Number(item.dataset.film) !== current + 1) open(item.dataset.film - 1);
});
by("strip").addEventListener("click", event => event.target.dataset.film && open(event.target.dataset.film - 1));

const zoom = factor => () => screen.viewport.zoom(factor);
const pan = (dx, dy) => () => screen.viewport.move(dx, dy);
const preset = step => () => screen.choose(Math.max(screen.preset, 0) + step);
const acts = { smaller: zoom(0.8), larger: zoom(1.25), fit: () => screen.viewport.fit(), actual: () => screen.viewport.actual(),
  reset: () => screen.reset(), invert: () => screen.turn(), lesions, heat };
for (const [id, act] of Object.entries(acts)) by(id).addEventListener("click", act);
by("preset").addEventListener("change", event => screen.choose(Number(event.target.value)));
by("opacity").addEventListener("input", event => { screen.heat.style.opacity = event.target.value / 100; });

const go = step => () => {
  const url = neighbour(token, step);
  if (url) location.assign(url);
};
onKeys({
  "[": preset(-1), "]": preset(1), ArrowLeft: preset(-1), ArrowRight: preset(1),
  w: () => screen.drag(-20, 0), W: () => screen.drag(20, 0), e: () => screen.drag(0, -20), E: () => screen.drag(0, 20),
  "+": acts.larger, "=": acts.larger, "-": acts.smaller, 0: acts.fit, x: acts.actual, Backspace: acts.reset, i: acts.invert,
  "Shift+ArrowLeft": pan(60, 0), "Shift+ArrowRight": pan(-60, 0), "Shift+ArrowUp": pan(0, 60), "Shift+ArrowDown": pan(0, -60),
  l: lesions, h: heat, f: () => open(current + 1), n: go(1), p: go(-1),
  m: () => panel.querySelector(".read button")?.click(), a: () => press(panel, "accepted"), r: () => press(panel, "rejected"), Escape: () => location.assign(list()),
});
verdicts(panel, refresh);
keepStudy(token);
open(current);
screen.heat.style.opacity = by("opacity").value / 100;
live(token, refresh);
