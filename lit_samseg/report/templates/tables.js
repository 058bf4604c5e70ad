"use strict";
// Tables: a column's head sorts by it, by mouse or key, and says what it is where it is pointed at or focused.
(() => {
  const tip = document.createElement("div");
  tip.id = "report:tip";
  tip.className = "tip";
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  document.body.append(tip);
  let told = null;
  const hide = () => { told = null; tip.hidden = true; };
  const tell = (button) => {
    told = button;
    tip.textContent = button.dataset.about;
    tip.hidden = false;
    const head = button.getBoundingClientRect();
    const room = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(room, head.left))}px`;
    // Above the head, so that the column stays in sight; below it where there is no room.
    tip.style.top = `${head.top > tip.offsetHeight + 8 ? head.top - tip.offsetHeight - 6 : head.bottom + 6}px`;
  };

  // Of "+1.2 [..]", "(3.4)", "5 of 6" and "7 %" the first number; of "image_01 +2.3" the last; nothing of other words.
  const numberIn = (text) => {
    const found = /^[[(]?([+-]?\d+(?:\.\d+)?)(?![\w.])/.exec(text) ?? /\s([+-]\d+(?:\.\d+)?)$/.exec(text);
    return found ? Number(found[1]) : null;
  };
  const textOf = (line, column) => line.cells[column].textContent.trim().replace("\u2212", "-");
  const sort = (table, column) => {
    const body = table.tBodies[0];
    const lines = [...body.rows];
    lines.forEach((line, n) => { line.dataset.place ??= n; });
    const known = lines.map((line) => textOf(line, column)).filter((text) => text && text !== "-");
    const numbers = known.length > 0 && known.every((text) => numberIn(text) !== null);
    const heads = [...table.tHead.rows[0].cells];
    const head = heads[column];
    // Numbers begin with the largest, words with the first; then the other way round; then as it was.
    const ways = numbers ? ["descending", "ascending", null] : ["ascending", "descending", null];
    const way = ways[(ways.indexOf(head.getAttribute("aria-sort")) + 1) % 3];
    for (const one of heads) one.removeAttribute("aria-sort");
    if (way) head.setAttribute("aria-sort", way);
    const sign = way === "descending" ? -1 : 1;
    const before = (a, b) => a.dataset.place - b.dataset.place;
    const compare = (a, b) => {
      const [one, other] = [textOf(a, column), textOf(b, column)];
      const [lacks, misses] = [!one || one === "-", !other || other === "-"];
      // What has no value is last, whichever way.
      if (lacks || misses) return lacks - misses || before(a, b);
      const difference = numbers ? numberIn(one) - numberIn(other) : one.localeCompare(other, "en", { numeric: true });
      return sign * difference || before(a, b);
    };
    body.append(...lines.sort(way ? compare : before));
  };

  for (const table of document.querySelectorAll("table")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sorts";
      button.dataset.about = head.title;
      button.setAttribute("aria-describedby", tip.id);
      button.append(...head.childNodes);
      head.removeAttribute("title");
      head.append(button);
      button.addEventListener("click", () => {
        sort(table, column);
        // A finger has left the head by now.
        tell(button);
      });
      button.addEventListener("focus", () => tell(button));
      button.addEventListener("pointerenter", () => tell(button));
      button.addEventListener("blur", hide);
      button.addEventListener("pointerleave", hide);
    });
  }
  document.addEventListener("pointerdown", hide);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("scroll", () => { if (told) tell(told); }, { capture: true, passive: true });
})();
