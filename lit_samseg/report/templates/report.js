"use strict";
// Everything is readable without this: it wipes, zooms, filters, orders and follows keys and links.
(() => {
  const gallery = document.getElementById("report:cards");
  const form = gallery.querySelector("form");
  const list = gallery.querySelector(".cards");
  const dialog = gallery.querySelector("dialog");
  const { cards: facts, asks } = JSON.parse(document.getElementById("report:data").textContent);
  const cards = [...list.children].map((element, n) => ({ element, ...facts[n], n }));
  const field = (name) => form.elements.namedItem(name);
  const chosen = (name) => (field(name) ? field(name).value : "");
  const row = () => Number(chosen("row") || 0);
  const points = (value) => (value === null ? "-" : (value < 0 ? "" : "+") + (100 * value).toFixed(2));
  const kindOf = (value) => (value === null ? "" : value > 0 ? "gain" : value < 0 ? "harm" : "none");

  const showRow = () => {
    const r = row();
    for (const card of cards) {
      const delta = card.element.querySelector(".delta");
      if (!delta) continue;
      delta.textContent = points(card.differences[r]);
      delta.className = `delta ${kindOf(card.differences[r])}`;
    }
    if (r) gallery.style.setProperty("--row", r + 1);
    if (asks.length) {
      asks.forEach((_, n) => gallery.style.removeProperty(`--asked-${n}`));
      gallery.style.setProperty(`--asked-${r}`, "inline");
      gallery.querySelector(".asks").textContent = asks[r];
    }
  };

  const filter = () => {
    const r = row();
    const [wanted, tag, change] = [chosen("class"), chosen("tag"), chosen("change")];
    let shown = 0;
    for (const card of cards) {
      // Without SAM's rows there are no regions of theirs.
      const tags = card.tags[r];
      const fits = (wanted === "" || card.classes.includes(Number(wanted)))
        && (tag === "" || tags.includes(tag)) && (change === "" || kindOf(card.differences[r]) === change);
      card.element.hidden = !fits;
      shown += fits;
    }
    form.querySelector(".count").textContent = `${shown} of ${cards.length} images`;
  };

  const order = () => {
    const r = row();
    const last = (value) => (value === null ? Infinity : value);
    const keys = {
      id: (card) => card.n,
      gain: (card) => last(card.differences[r] === null ? null : -card.differences[r]),
      harm: (card) => last(card.differences[r]),
      score: (card) => last(card.score),
    };
    const key = keys[chosen("order")];
    // Equal keys, and two without any, stay in the order of their ids.
    const sorted = [...cards].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.n - b.n));
    list.append(...sorted.map((card) => card.element));
  };

  const update = () => { showRow(); filter(); order(); };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    const name = event.target.name;
    if (name === "view") gallery.dataset.view = chosen("view");
    else if (name === "prompts") gallery.dataset.prompts = event.target.checked ? "on" : "off";
    else if (name !== "opacity") update();
  });
  form.addEventListener("input", (event) => {
    if (event.target.name !== "opacity") return;
    gallery.style.setProperty("--opacity", event.target.value / 100);
    gallery.style.setProperty("--opacity-errors", event.target.value / 100);
  });

  // The image that keys are about: the last that was linked to, touched, focused or zoomed.
  let current = null;
  list.addEventListener("focusin", (event) => { current = event.target.closest(".card"); });
  list.addEventListener("pointerdown", (event) => { current = event.target.closest(".card") ?? current; });

  // Wiping: the slider, or a pointer drawn over the picture. A finger that moves up or down scrolls.
  const wipe = (holder, percent) => {
    holder.querySelector(".stage").style.setProperty("--wipe", `${percent}%`);
    holder.querySelector(".wipe").value = percent;
  };
  gallery.addEventListener("input", (event) => {
    if (event.target.matches(".wipe")) wipe(event.target.closest(".card, dialog"), event.target.value);
  });
  list.addEventListener("pointerdown", (event) => {
    const stage = event.target.closest(".stage");
    if (!stage || event.button || !event.isPrimary) return;
    let wiping = event.pointerType !== "touch";
    const follow = (move) => {
      wiping ||= Math.abs(move.clientX - event.clientX) > Math.abs(move.clientY - event.clientY) + 4;
      if (!wiping || move.pointerId !== event.pointerId) return;
      const { left, width } = stage.getBoundingClientRect();
      wipe(stage.closest(".card"), Math.max(0, Math.min(100, 100 * (move.clientX - left) / width)));
    };
    follow(event);
    stage.setPointerCapture(event.pointerId);
    const watch = new AbortController();
    stage.addEventListener("pointermove", follow, watch);
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => watch.abort(), watch);
  });

  // Zooming.
  const viewport = dialog.querySelector(".viewport");
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
  let zoomed = null;
  const zoom = (card) => {
    const stage = card.querySelector(".stage");
    if (!stage) return;
    const copy = stage.cloneNode(true);
    copy.querySelectorAll("[id]").forEach((twin) => twin.removeAttribute("id"));
    viewport.style.cssText = card.style.cssText;
    copy.style.width = "600px";
    viewport.replaceChildren(copy);
    dialog.querySelector("strong").textContent = card.id;
    zoomed = current = card;
    wipe(dialog, card.querySelector(".wipe").value);
    if (!dialog.open) dialog.showModal();
    fit();
  };
  list.addEventListener("click", (event) => {
    if (event.target.closest(".zoom")) zoom(event.target.closest(".card"));
  });
  dialog.addEventListener("click", (event) => {
    const act = { in: () => scaleBy(1.5), out: () => scaleBy(1 / 1.5), fit, close: () => dialog.close() }[event.target.name];
    if (act) act();
    else if (event.target === dialog) dialog.close();
  });
  // The browser gives the focus back to where the zoom began.
  dialog.addEventListener("close", () => zoomed.querySelector(".zoom").focus());
  new ResizeObserver(() => { if (dialog.open) fit(); }).observe(viewport);
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

  // Keys.
  const step = (by) => {
    const there = [...list.children].filter((card) => !card.hidden);
    const at = there.indexOf(current);
    const next = there[at < 0 ? 0 : Math.max(0, Math.min(there.length - 1, at + by))];
    if (!next) return;
    if (dialog.open) zoom(next);
    else {
      next.querySelector("h3 a").focus({ preventScroll: true });
      next.scrollIntoView({ block: "center" });
    }
  };
  const press = (name, value) => {
    const button = form.querySelector(`[name=${name}]${value ? `[value=${value}]` : ""}`);
    if (button) button.click();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, textarea")) return;
    const acts = {
      j: () => step(1), k: () => step(-1), z: () => current && zoom(current),
      l: () => press("view", "labels"), e: () => press("view", "errors"), i: () => press("view", "photo"),
      p: () => press("prompts"),
    };
    if (dialog.open) {
      Object.assign(acts, { "+": () => scaleBy(1.5), "-": () => scaleBy(1 / 1.5), 0: fit });
      // On the slider arrows wipe.
      if (!event.target.matches("input")) {
        Object.assign(acts, {
          ArrowLeft: () => pan(60, 0), ArrowRight: () => pan(-60, 0), ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
        });
      }
    }
    if (acts[event.key]) acts[event.key]();
  });

  // Links to an image: one that a filter hides is shown again.
  const follow = () => {
    let id;
    try { id = decodeURIComponent(location.hash.slice(1)); } catch { return; }
    const card = cards.find((one) => one.id === id);
    if (!card) return;
    if (card.element.hidden) {
      for (const name of ["class", "tag", "change"]) if (field(name)) field(name).value = "";
      filter();
    }
    current = card.element;
    // Twice: cards above get their true height only when they are drawn.
    card.element.scrollIntoView({ block: "start" });
    requestAnimationFrame(() => requestAnimationFrame(() => card.element.scrollIntoView({ block: "start" })));
  };
  window.addEventListener("hashchange", follow);

  for (const control of list.querySelectorAll(".zoom, .wipe")) control.hidden = false;
  // What is scrolled to shall not lie under bars that stay at the top.
  const bars = [document.querySelector("nav"), form];
  const measure = () => {
    const staying = bars.filter((bar) => getComputedStyle(bar).position === "sticky");
    const height = staying.reduce((sum, bar) => sum + bar.offsetHeight, 0);
    document.documentElement.style.setProperty("--bars", `${height}px`);
  };
  const observer = new ResizeObserver(measure);
  for (const bar of bars) observer.observe(bar);
  form.hidden = false;
  form.reset();
  measure();
  update();
  follow();
})();
