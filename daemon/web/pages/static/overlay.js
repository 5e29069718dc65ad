// Lesions over the film: outlines in source pixels, exactly where the SR says; their names stay as large as they are.

const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return parent.appendChild(made);
}

export class Overlay {
  constructor(svg) {
    Object.assign(this, { svg, marks: [] });
  }

  /** Lesions of one film: {number, words, box: [x0, y0, x1, y1] in source pixels}. */
  show(lesions) {
    this.svg.replaceChildren();
    const shapes = make("g", { class: "shapes" }, this.svg);
    this.marks = lesions.map(lesion => {
      const [x0, y0, x1, y1] = lesion.box, place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
      make("rect", { ...place, class: "halo", "vector-effect": "non-scaling-stroke" }, shapes);
      const outline = make("rect", { ...place, class: "outline", "data-lesion": lesion.number, "vector-effect": "non-scaling-stroke" }, shapes);
      const name = make("text", {}, this.svg);
      name.textContent = `${lesion.number}  ${lesion.words}`;
      return { lesion, outline, name };
    });
    this.shapes = shapes;
  }

  place(viewport) {
    if (!this.shapes) return;
    this.shapes.setAttribute("transform", viewport.transform(1));
    const taken = [];
    for (const { lesion, name } of this.marks) {
      const [x, y] = viewport.toStage(lesion.box);
      const left = Math.max(Math.min(x, viewport.stage.clientWidth - name.getComputedTextLength() - 6), 4);
      let top = Math.max(y - 6, 14);
      while (taken.some(([a, b]) => Math.abs(a - left) < 150 && Math.abs(b - top) < 16)) top += 16;
      taken.push([left, top]);
      name.setAttribute("x", left);
      name.setAttribute("y", top);
    }
  }

  /** Which lesion is meant just now; null: none. */
  point(number) {
    for (const { lesion, outline, name } of this.marks) {
      for (const part of [outline, name]) part.classList.toggle("meant", lesion.number === number);
    }
  }

  /** The smallest lesion at a source point; null: none. */
  at([x, y]) {
    const here = this.marks.map(mark => mark.lesion).filter(({ box: [x0, y0, x1, y1] }) => x >= x0 && x <= x1 && y >= y0 && y <= y1);
    const size = ({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0);
    return here.sort((a, b) => size(a) - size(b))[0]?.number ?? null;
  }
}
