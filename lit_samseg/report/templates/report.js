"use strict";
// Everything is readable without this: it wipes, zooms, filters, orders, shows the truth, and follows keys and links.
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

  // The largest gain, the largest harm, the next largest gain and so on; then what did not change.
  const takeTurns = (r) => {
    const known = cards.filter((card) => card.differences[r] !== null);
    const by = (sign) => known.filter((card) => sign * card.differences[r] > 0)
      .sort((a, b) => sign * (b.differences[r] - a.differences[r]) || a.n - b.n);
    const turns = new Map();
    for (const [late, side] of [by(1), by(-1)].entries()) side.forEach((card, n) => turns.set(card, n + late / 2));
    for (const card of known) if (!turns.has(card)) turns.set(card, cards.length);
    return turns;
  };

  const order = () => {
    const r = row();
    const last = (value) => (value === null ? Infinity : value);
    const turns = chosen("order") === "both" ? takeTurns(r) : null;
    const keys = {
      both: (card) => turns.get(card) ?? Infinity,
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

  const show = () => {
    if (field("view")) gallery.dataset.view = chosen("view");
    const checked = (name) => (field(name)?.checked ? "on" : "off");
    gallery.dataset.prompts = checked("prompts");
    document.body.dataset.truth = checked("truth");
    for (const button of document.querySelectorAll("button[name=truth]")) {
      button.setAttribute("aria-pressed", String(checked("truth") === "on"));
    }
  };

  const address = addressOf(form, "#report:gallery", ["row", "class", "tag", "change", "order", "view", "prompts", "truth"]);
  const linkTo = (card) => (address.isUsual() ? `#${encodeURIComponent(card.id)}` : address.link({ image: card.id }));
  const update = () => {
    showRow();
    filter();
    order();
    for (const card of cards) card.element.querySelector("h3 a").href = linkTo(card);
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    if (event.target.name === "opacity") return;
    show();
    update();
    address.remember();
  });
  for (const button of document.querySelectorAll("button[name=truth]")) {
    button.addEventListener("click", () => field("truth").click());
  }
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
  const { fit, scaleBy, pan } = zoomable(viewport);
  let zoomed = null;
  let opener = null;
  const zoom = (card, from = null) => {
    const stage = card.querySelector(".stage");
    if (!stage) return;
    const copy = stage.cloneNode(true);
    copy.querySelectorAll("[id]").forEach((twin) => twin.removeAttribute("id"));
    viewport.style.cssText = card.style.cssText;
    // One card has its pictures by a class.
    viewport.className = ["viewport", ...[...card.classList].filter((name) => name !== "card" && name !== "linked")].join(" ");
    copy.style.width = "600px";
    viewport.replaceChildren(copy);
    dialog.querySelector("strong").textContent = card.id;
    const delta = card.querySelector(".delta");
    if (delta) dialog.querySelector(".delta").replaceWith(delta.cloneNode(true));
    dialog.querySelector(".chips").innerHTML = card.querySelector(".chips").innerHTML;
    const there = visible();
    dialog.querySelector("output").textContent = there.includes(card) ? `${there.indexOf(card) + 1} of ${there.length}` : "";
    zoomed = current = card;
    wipe(dialog, card.querySelector(".wipe").value);
    if (!dialog.open) {
      opener = from ?? card.querySelector(".zoom");
      dialog.showModal();
      // Not the slider, where arrows wipe.
      viewport.focus();
    } else opener = card.querySelector(".zoom");
    address.remember({ image: card.id, zoom: "on" });
    fit();
  };
  list.addEventListener("click", (event) => {
    if (event.target.closest(".zoom")) zoom(event.target.closest(".card"));
  });
  document.querySelector("button[name=larger]")?.addEventListener("click", ({ target }) => zoom(cards[target.dataset.card].element, target));
  dialog.addEventListener("click", (event) => {
    const acts = {
      in: () => scaleBy(1.5), out: () => scaleBy(1 / 1.5), fit, close: () => dialog.close(),
      previous: () => step(-1), next: () => step(1),
    };
    const act = acts[event.target.name];
    if (act) act();
    else if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => {
    address.remember({ image: zoomed.id });
    opener.focus();
  });
  // Keys.
  const visible = () => [...list.children].filter((card) => !card.hidden);
  const step = (by) => {
    const there = visible();
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
      p: () => press("prompts"), t: () => press("truth"),
    };
    if (dialog.open) {
      Object.assign(acts, { "+": () => scaleBy(1.5), "-": () => scaleBy(1 / 1.5), 0: fit });
      // On the slider arrows wipe.
      if (!event.target.matches("input")) {
        Object.assign(acts, {
          ArrowLeft: () => (event.shiftKey ? pan(60, 0) : step(-1)), ArrowRight: () => (event.shiftKey ? pan(-60, 0) : step(1)),
          ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
        });
      }
    }
    if (acts[event.key]) acts[event.key]();
  });

  // Links to what was chosen, and to an image: one that a filter hides is shown again.
  const goTo = (element) => {
    element.scrollIntoView({ block: "start" });
    // Twice: cards above get their true height only when they are drawn.
    requestAnimationFrame(() => requestAnimationFrame(() => element.scrollIntoView({ block: "start" })));
  };
  const follow = () => {
    const words = address.read();
    let id;
    try { id = words ? words.get("image") : decodeURIComponent(location.hash.slice(1)); } catch { return; }
    if (words) {
      show();
      update();
    }
    const card = cards.find((one) => one.id === id);
    for (const one of cards) one.element.classList.toggle("linked", words !== null && one === card);
    if (!card) {
      // The truth is shown above the gallery too.
      if (words && [...words.keys()].some((name) => name !== "truth")) goTo(document.getElementById("report:gallery"));
      return;
    }
    if (card.element.hidden) {
      for (const name of ["class", "tag", "change"]) if (field(name)) field(name).value = "";
      update();
    }
    current = card.element;
    goTo(card.element);
    if (words?.has("zoom") && !dialog.open) zoom(card.element);
  };
  window.addEventListener("hashchange", follow);

  for (const control of document.querySelectorAll(".card .zoom, .card .wipe, .acts")) control.hidden = false;
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
  measure();
  show();
  update();
  follow();
})();
