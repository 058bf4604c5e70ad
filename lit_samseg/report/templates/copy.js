"use strict";
// A button beside each text that is there to be copied.
for (const text of document.querySelectorAll("pre.copy")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy-button";
  button.textContent = "copy";
  button.setAttribute("aria-label", `Copy ${text.getAttribute("aria-label")}`);
  button.addEventListener("click", () => {
    // Browsers offer the clipboard only to files and to pages that came encrypted.
    const written = navigator.clipboard ? navigator.clipboard.writeText(text.textContent) : Promise.reject();
    written.then(() => { button.textContent = "copied"; }, () => { getSelection().selectAllChildren(text); });
  });
  text.before(button);
}
