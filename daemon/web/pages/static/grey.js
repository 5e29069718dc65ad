// From values to grey: window and level (PS3.3 C.11.2.1.2.1, LINEAR), or as the film's own header shows it.

import { percentiles } from "./film.js";

/** Windows that a reader can choose: {name, window}; window null: the film's own. */
export function presetsOf(film) {
  const [least, dark, low, lower, upper, high, most] = percentiles(film, [0, 0.02, 0.2, 0.35, 0.65, 0.98, 1]);
  const between = (a, b) => ({ center: (a + b) / 2, width: Math.max(Math.abs(b - a), 2) });
  // Bright stands for dense; where low values are dense the shares count from the other end.
  const dense = film.inverted ? between(least, upper) : between(lower, most);
  const air = film.inverted ? between(lower, high) : between(dark, upper);
  const named = [["Film's own", null], ["Whole range", between(least, most)], ["Lungs", air], ["Mediastinum", dense],
    ["More contrast", between(low, high)]];
  return named.map(([name, window]) => ({ name, window }));
}

/** The window to begin with when a reader drags away from the film's own. */
export function ownWindow(film) {
  if (film.windows.length) return { center: film.windows[0].center, width: film.windows[0].width };
  const [low, high] = percentiles(film, [0.005, 0.995]);
  return { center: (low + high) / 2, width: Math.max(high - low, 2) };
}

/** Grey of each level as an opaque RGBA word, Uint32Array. */
export function tableOf(film, window, invert) {
  const table = new Uint32Array(film.shown.length);
  const { slope, intercept, inverted } = film;
  for (let level = 0; level < table.length; level += 1) {
    let grey = film.shown[level];
    if (window) {
      const value = level * slope + intercept;
      const share = (value - (window.center - 0.5)) / Math.max(window.width - 1, 1e-6) + 0.5;
      grey = Math.round(255 * Math.min(Math.max(share, 0), 1));
      if (inverted) grey = 255 - grey;
    }
    if (invert) grey = 255 - grey;
    table[level] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return table;
}

/** Draws the film through the table, a raster pixel for a canvas pixel. */
export function draw(canvas, film, table) {
  if (canvas.width !== film.columns || canvas.height !== film.rows) {
    canvas.width = film.columns;
    canvas.height = film.rows;
  }
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  const image = context.createImageData(film.columns, film.rows), words = new Uint32Array(image.data.buffer);
  const { levels } = film;
  for (let i = 0; i < words.length; i += 1) words[i] = table[levels[i]];
  context.putImageData(image, 0, 0);
}
