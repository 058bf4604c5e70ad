"use strict";
// Everything is readable without this: it orders, filters, follows links, swaps before and after, and keeps marks.
(() => {
  const main = document.getElementById("review");
  const form = main.querySelector("form");
  const list = main.querySelector(".reviewed");
  const facts = JSON.parse(document.getElementById("review:data").textContent);
  const pictures = [...list.children].map((element, n) => ({ element, ...facts[n], n }));
  const byElement = new Map(pictures.map((picture) => [picture.element, picture]));
  const chosen = (name) => form.elements.namedItem(name).value;

  // Marks stay with the page's address; where a browser keeps nothing for files, they last as long as the page.
  const place = `lit-samseg review ${location.pathname}`;
  let marks = {};
  try { marks = JSON.parse(localStorage.getItem(place) ?? "{}"); } catch { marks = {}; }
  const keep = () => { try { localStorage.setItem(place, JSON.stringify(marks)); } catch { /* as said above */ } };

  const showMarks = () => {
    for (const { element, key } of pictures) {
      element.querySelector(".mark").textContent = marks[key] ?? "";
      for (const button of element.querySelectorAll(".marks button")) {
        button.setAttribute("aria-pressed", String(marks[key] === button.name));
      }
    }
    main.querySelector(".redo textarea").value = pictures.filter(({ key }) => marks[key] === "redo").map(({ key }) => key).join("\n");
  };
  const mark = (picture, word) => {
    if (marks[picture.key] === word) delete marks[picture.key];
    else marks[picture.key] = word;
    keep();
    showMarks();
  };

  const fits = (picture) => {
    const name = chosen("class");
    const shown = {
      "": true, changed: picture.changed > 0, kept: picture.kept.length > 0, lost: picture.lost > 0,
      open: !marks[picture.key], redo: marks[picture.key] === "redo",
    };
    return (name === "" || picture.classes.includes(name)) && shown[chosen("show")];
  };
  const update = () => {
    let shown = 0;
    for (const picture of pictures) {
      picture.element.hidden = !fits(picture);
      shown += !picture.element.hidden;
    }
    form.querySelector(".count").textContent = `${shown} of ${pictures.length} pictures`;
    const keys = { doubt: (p) => -p.doubt, changed: (p) => -p.changed, confidence: (p) => p.confidence, key: () => 0 };
    const key = keys[chosen("order")];
    const byName = (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
    list.append(...[...pictures].sort((a, b) => key(a) - key(b) || byName(a, b)).map(({ element }) => element));
  };

  const view = () => {
    for (const { element } of pictures) {
      const figure = element.querySelector(".second");
      const image = figure.querySelector("img");
      image.dataset.after ??= image.getAttribute("src");
      image.src = chosen("view") === "changed" ? image.dataset.changed : image.dataset.after;
      figure.querySelector("figcaption").textContent = chosen("view") === "changed" ? "what changed" : "after";
    }
  };

  // In place the eye sees what moves.
  const flicker = (element) => {
    const image = element.querySelector("img");
    const figure = image.closest("figure");
    const other = element.querySelectorAll("img")[1];
    image.dataset.own ??= image.getAttribute("src");
    const shows = image.getAttribute("src") === image.dataset.own;
    image.src = shows ? other.dataset.after ?? other.getAttribute("src") : image.dataset.own;
    figure.querySelector("figcaption").textContent = shows ? "after" : "before";
  };

  let current = null;
  const go = (element) => {
    current?.classList.remove("current");
    current = element;
    if (!current) return;
    current.classList.add("current");
    current.focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  };
  const step = (by) => {
    const shown = [...list.children].filter((element) => !element.hidden);
    if (!shown.length) return;
    const at = shown.indexOf(current);
    go(shown[at < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, at + by))]);
  };
  list.addEventListener("pointerdown", (event) => {
    const element = event.target.closest(".picture");
    if (!element || element === current) return;
    current?.classList.remove("current");
    current = element;
    current.classList.add("current");
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest(".marks button");
    if (button) mark(byElement.get(button.closest(".picture")), button.name);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  const address = addressOf(form, "#review:pictures", ["order", "class", "show", "view"]);
  form.addEventListener("change", (event) => {
    if (event.target.name === "view") view();
    else update();
    address.remember();
  });
  const follow = () => {
    if (!address.read()) return;
    view();
    update();
  };
  window.addEventListener("hashchange", follow);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, textarea, input")) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (!current) return;
    else if (event.key === "b") flicker(current);
    else if (event.key === "o") mark(byElement.get(current), "good");
    else if (event.key === "r") mark(byElement.get(current), "redo");
    else return;
    event.preventDefault();
  });
  showMarks();
  follow();
  if (location.hash.startsWith("#picture:")) go(document.getElementById(decodeURIComponent(location.hash.slice(1))));
})();
