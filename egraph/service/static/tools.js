// The buttons above the drawing.

import { h, show } from "./dom.js";

export function showTools(element, store, act) {
  const button = (id, label, onclick, disabled = false) => h("button", { type: "button", id, onclick, "aria-disabled": disabled && "true" }, label);
  show(
    element,
    button("undo", "Undo", act.undo, !store.canUndo),
    button("redo", "Redo", act.redo, !store.canRedo),
    button("example", "Example", act.example),
    button("copy", "Copy link", (event) => copyLink(event.target)),
    button("keep", "Keep to compare", () => act.keep(store.edited)),
  );
}

// If the browser denies access to the clipboard, the button points to the address bar.
async function copyLink(button) {
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copy the address above";
  }
  setTimeout(() => (button.textContent = "Copy link"), 2000);
}
