// One film on the stage: its layers, its window, what the toolbar sets.

import { loadFilm } from "./film.js";
import { draw, ownWindow, presetsOf, tableOf } from "./grey.js";
import { Overlay } from "./overlay.js";
import { Viewport } from "./viewport.js";

const QUICK = 1024; // pixels along the longer side of what is shown first

export class Screen {
  constructor(parts, told) {
    Object.assign(this, { ...parts, told, window: null, preset: 0, invert: false, presets: [], films: {}, due: false, broken: false });
    this.overlay = new Overlay(parts.svg);
    this.viewport = new Viewport(parts.stage, () => this.refresh());
  }

  /** Shows one of the study's films: a quick version first, then all of its pixels. */
  open(film) {
    Object.assign(this, { film, films: {}, window: null, preset: 0, invert: false });
    this.overlay.show([]);
    this.heat.removeAttribute("src");
    if (film.heat) this.heat.src = film.heat;
    this.message.textContent = "Loading …";
    return this.load(film);
  }

  /** What is not here yet of a film's pixels. */
  async load(film) {
    this.broken = false;
    try {
      if (!this.films.quick) await this.take(film, "quick", QUICK);
      if (this.film !== film) return;
      this.overlay.show(film.lesions);
      this.refresh();
      if (this.films.quick.step > 1) await this.take(film, "whole");
    } catch (error) {
      if (this.film === film) Object.assign(this, { broken: true }).message.textContent = error.message;
    }
  }

  /** More is known of the film that is shown. */
  annotate() {
    if (!this.film.heat) this.heat.removeAttribute("src");
    else if (!this.heat.src) this.heat.src = this.film.heat;
    if (!this.films.quick) return; // `open` shows it all
    this.overlay.show(this.film.lesions);
    this.refresh();
  }

  async take(film, name, side) {
    const loaded = await loadFilm(film.pixels, side);
    if (this.film !== film) return;
    this.films[name] = loaded;
    this.message.textContent = "";
    if (name === "quick") this.presets = presetsOf(loaded);
    this.drawn = null;
    const [high, wide] = loaded.spacing ?? [1, 1];
    this.viewport.show(loaded.source_columns, loaded.source_rows, high / wide);
    this.refresh();
  }

  /** All of the pixels where the screen can show them, else the quick version, whose pixels are means. */
  get raster() {
    const { quick, whole } = this.films;
    return whole && this.viewport.scale * devicePixelRatio * quick.step > 1.01 ? whole : quick;
  }

  setWindow(window, preset = -1) {
    Object.assign(this, { window, preset });
    this.refresh();
  }

  /** Drag: to the right wider, down darker; by shares of the window's width. */
  drag(dx, dy) {
    if (!this.films.quick) return;
    const from = this.window ?? ownWindow(this.films.quick);
    const step = from.width / 300, sign = this.films.quick.inverted !== this.invert ? -1 : 1;
    this.setWindow({ center: from.center + sign * dy * step, width: Math.max(from.width + dx * step * 2, 2) });
  }

  choose(preset) {
    const at = (preset + this.presets.length) % this.presets.length;
    if (this.presets.length) this.setWindow(this.presets[at].window, at);
  }

  turn() {
    this.invert = !this.invert;
    this.refresh();
  }

  reset() {
    Object.assign(this, { window: null, preset: 0, invert: false });
    this.viewport.fit();
  }

  /** Once a frame, however many changes. */
  refresh() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => { this.due = false; this.paint(); });
  }

  paint() {
    const film = this.raster;
    if (!film) return;
    const wanted = JSON.stringify([film.step, this.window, this.invert]);
    if (wanted !== this.drawn) draw(this.canvas, film, tableOf(film, this.window, this.invert));
    this.drawn = wanted;
    this.canvas.style.transform = this.viewport.transform(film.step);
    this.canvas.classList.toggle("coarse", this.viewport.scale * film.step > 4);
    this.heat.style.width = `${film.source_columns}px`;
    this.heat.style.height = `${film.source_rows}px`;
    this.heat.style.transform = this.viewport.transform(1);
    this.overlay.place(this.viewport);
    this.told(this);
  }
}
