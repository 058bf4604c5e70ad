"use strict";
// A picture in a window of its own: scaled and moved by wheel, mouse and fingers; what it returns does so by keys.
const zoomable = (viewport) => {
  const place = { scale: 1, x: 0, y: 0, fit: 1 };
  // Where the picture is smaller than the window it is in the middle; where larger, no edge comes inside.
  const kept = (at, size, room) => (size <= room ? (room - size) / 2 : Math.max(room - size, Math.min(0, at)));
  const draw = () => {
    const stage = viewport.querySelector(".stage");
    place.x = kept(place.x, place.scale * stage.offsetWidth, viewport.clientWidth);
    place.y = kept(place.y, place.scale * stage.offsetHeight, viewport.clientHeight);
    stage.style.transform = `translate(${place.x}px, ${place.y}px) scale(${place.scale})`;
    viewport.classList.toggle("close", place.scale > 2 * place.fit);
  };
  const fit = () => {
    const stage = viewport.querySelector(".stage");
    place.scale = place.fit = Math.min(viewport.clientWidth / stage.offsetWidth, viewport.clientHeight / stage.offsetHeight);
    draw();
  };
  const scaleBy = (factor, x = viewport.clientWidth / 2, y = viewport.clientHeight / 2) => {
    const scale = Math.max(place.fit, Math.min(40 * place.fit, place.scale * factor));
    place.x = x - (x - place.x) * scale / place.scale;
    place.y = y - (y - place.y) * scale / place.scale;
    place.scale = scale;
    draw();
  };
  const pan = (x, y) => { place.x += x; place.y += y; draw(); };
  new ResizeObserver(() => { if (viewport.clientWidth && viewport.firstElementChild) fit(); }).observe(viewport);
  viewport.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { left, top } = viewport.getBoundingClientRect();
    scaleBy(Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top);
  }, { passive: false });
  // One finger, or the mouse, moves the picture; two also scale it.
  const fingers = new Map();
  const middle = () => {
    const all = [...fingers.values()];
    const [x, y] = ["clientX", "clientY"].map((axis) => all.reduce((sum, one) => sum + one[axis], 0) / all.length);
    const spread = all.length < 2 ? 0 : Math.hypot(all[0].clientX - all[1].clientX, all[0].clientY - all[1].clientY);
    return { x, y, spread };
  };
  viewport.addEventListener("pointerdown", (event) => {
    viewport.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
  });
  viewport.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = middle();
    fingers.set(event.pointerId, event);
    const after = middle();
    pan(after.x - before.x, after.y - before.y);
    const { left, top } = viewport.getBoundingClientRect();
    if (before.spread && after.spread) scaleBy(after.spread / before.spread, after.x - left, after.y - top);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    viewport.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  return { fit, scaleBy, pan };
};
