// Drag: window and level. Shift, middle or right button and drag: move. Wheel: zoom. Two fingers: zoom and move. Double
// click: fit.

/** acts: window(dx, dy), move(dx, dy), zoom(factor, point), fit(), point(point or null). */
export function gestures(stage, acts) {
  const down = new Map(); // pointers by id, where they were last
  const at = event => { const box = stage.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const apart = ([a, b]) => Math.max(Math.hypot(a[0] - b[0], a[1] - b[1]), 1);
  let moving = false;

  stage.addEventListener("pointerdown", event => {
    moving = event.shiftKey || event.button > 0;
    down.set(event.pointerId, at(event));
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", event => {
    const now = at(event);
    acts.point(now);
    if (!down.has(event.pointerId)) return;
    const before = [...down.values()], was = down.get(event.pointerId);
    down.set(event.pointerId, now);
    const after = [...down.values()], [dx, dy] = [now[0] - was[0], now[1] - was[1]];
    if (before.length >= 2) {
      const [from, to] = [middle(before), middle(after)];
      acts.move(to[0] - from[0], to[1] - from[1]);
      acts.zoom(apart(after) / apart(before), to);
    } else if (moving) acts.move(dx, dy);
    else acts.window(dx, dy);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, event => down.delete(event.pointerId));
  stage.addEventListener("pointerleave", () => acts.point(null));
  stage.addEventListener("contextmenu", event => event.preventDefault());
  stage.addEventListener("dblclick", () => acts.fit());
  stage.addEventListener("wheel", event => {
    event.preventDefault();
    acts.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), at(event));
  }, { passive: false });
}
