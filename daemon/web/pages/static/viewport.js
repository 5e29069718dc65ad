// Where the film lies on the stage. Frames: source pixels, (0, 0) the outer corner of the first (PS3.3 C.18.6), and CSS
// pixels of the stage. stage = source * (scale, scale * aspect) + (x, y); aspect: height of a pixel over its width
// (PS3.3 C.7.6.3.1.7).

const LARGEST = 32;

export class Viewport {
  constructor(stage, changed) {
    Object.assign(this, { stage, changed, scale: 1, x: 0, y: 0, columns: 1, rows: 1, aspect: 1, fitted: true });
    new ResizeObserver(() => (this.fitted ? this.fit() : this.changed())).observe(stage);
  }

  /** A film of so many source pixels is shown. */
  show(columns, rows, aspect) {
    const same = columns === this.columns && rows === this.rows && aspect === this.aspect;
    Object.assign(this, { columns, rows, aspect });
    if (!same) this.fit();
  }

  get smallest() {
    return Math.min(this.stage.clientWidth / this.columns, this.stage.clientHeight / this.rows / this.aspect);
  }

  fit() {
    this.scale = this.smallest;
    this.x = (this.stage.clientWidth - this.columns * this.scale) / 2;
    this.y = (this.stage.clientHeight - this.rows * this.scale * this.aspect) / 2;
    this.fitted = true;
    this.changed();
  }

  /** By this factor about a point of the stage, which stays where it is; the middle where none is given. */
  zoom(factor, [px, py] = [this.stage.clientWidth / 2, this.stage.clientHeight / 2]) {
    const scale = Math.min(Math.max(this.scale * factor, this.smallest / 2), LARGEST), by = scale / this.scale;
    Object.assign(this, { scale, x: px - (px - this.x) * by, y: py - (py - this.y) * by, fitted: false });
    this.changed();
  }

  /** A pixel of the film for a pixel of the screen. */
  actual() {
    this.zoom(1 / devicePixelRatio / this.scale);
  }

  move(dx, dy) {
    const keep = 40; // some of the film stays in sight
    this.x = Math.min(Math.max(this.x + dx, keep - this.columns * this.scale), this.stage.clientWidth - keep);
    this.y = Math.min(Math.max(this.y + dy, keep - this.rows * this.scale * this.aspect), this.stage.clientHeight - keep);
    this.fitted = false;
    this.changed();
  }

  toSource([px, py]) {
    return [(px - this.x) / this.scale, (py - this.y) / this.scale / this.aspect];
  }

  toStage([x, y]) {
    return [x * this.scale + this.x, y * this.scale * this.aspect + this.y];
  }

  /** In CSS, for a layer whose pixels stand for `step` source pixels. */
  transform(step) {
    return `matrix(${this.scale * step}, 0, 0, ${this.scale * this.aspect * step}, ${this.x}, ${this.y})`;
  }
}
