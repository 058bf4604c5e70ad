"use strict";
// What is chosen in a form stands in the page's address, in words, so that a link opens the same view.
const addressOf = (form, place, fields) => {
  const field = (name) => form.elements.namedItem(name);
  const names = fields.filter(field);
  const wordOf = (name) => {
    const one = field(name);
    if (one.type === "checkbox") return one.checked ? "on" : "off";
    return one.selectedOptions ? one.selectedOptions[0].text : one.value;
  };
  const choose = (name, word) => {
    const one = field(name);
    if (one.type === "checkbox") one.checked = word === "on";
    else if (!one.options) one.value = word;
    else for (const option of one.options) if (option.text === word) one.value = option.value;
  };
  // Browsers keep what was chosen before a page was loaded again; the address has it too.
  form.reset();
  const usual = Object.fromEntries(names.map((name) => [name, wordOf(name)]));
  const link = (more = {}) => {
    const chosen = names.map((name) => [name, wordOf(name)]).filter(([name, word]) => word !== usual[name]);
    const words = new URLSearchParams([...chosen, ...Object.entries(more)]);
    return [...words].length ? `${place}?${words}` : place;
  };
  return {
    link,
    isUsual: () => names.every((name) => wordOf(name) === usual[name]),
    remember: (more = {}) => {
      // In frames without an address of their own there is nothing to remember in.
      try { history.replaceState(null, "", link(more)); } catch { /* as said above */ }
    },
    // Chooses what the address says, and returns its words; null where it says nothing of this form.
    read: () => {
      if (!location.hash.startsWith(`${place}?`)) return null;
      const words = new URLSearchParams(location.hash.slice(place.length + 1));
      for (const name of names) choose(name, words.get(name) ?? usual[name]);
      return words;
    },
  };
};
