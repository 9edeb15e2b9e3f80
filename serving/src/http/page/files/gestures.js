// Moving and zooming by mouse, touch and keyboard. Calls back with what is wanted and knows nothing of maps.
const STEP = 60; // pixels for an arrow key
const FACTOR = 1.3; // for a key or a button

export function gestures(element, { move, zoom, fit, step }) {
  const fingers = new Map();
  let moved = 0;

  element.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    moved = 0;
  });
  element.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    const by = { x: event.clientX - before.clientX, y: event.clientY - before.clientY };
    moved += Math.hypot(by.x, by.y);
    fingers.set(event.pointerId, event);
    // A click must reach what lies below: the pointer is taken only once it moves.
    if (moved > 4 && !element.hasPointerCapture(event.pointerId)) element.setPointerCapture(event.pointerId);
    if (other) {
      const spread = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
      zoom(spread(event) / Math.max(1, spread(before)), inside(other));
    } else if (moved > 4) {
      move(by.x, by.y);
    }
  });
  const lift = (event) => fingers.delete(event.pointerId);
  element.addEventListener("pointerup", lift);
  element.addEventListener("pointercancel", lift);
  // The end of a drag is no click.
  element.addEventListener(
    "click",
    (event) => {
      if (moved > 4) event.stopPropagation();
      moved = 0;
    },
    true,
  );

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 400), inside(event));
    },
    { passive: false },
  );

  const keys = {
    ArrowLeft: () => move(STEP, 0),
    ArrowRight: () => move(-STEP, 0),
    ArrowUp: () => move(0, STEP),
    ArrowDown: () => move(0, -STEP),
    "+": () => zoom(FACTOR),
    "=": () => zoom(FACTOR),
    "-": () => zoom(1 / FACTOR),
    0: fit,
    "[": () => step(-1),
    "]": () => step(1),
  };
  element.addEventListener("keydown", (event) => {
    const act = !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  function inside(event) {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }
}
