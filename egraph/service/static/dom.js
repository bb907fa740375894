// Creation of DOM elements.

export const find = (id) => document.getElementById(id);

// h("button", {class: "quiet", onclick: undo, disabled: true}, "Undo"): attributes that are false or undefined are
// omitted; a name with two dashes is a CSS property, which scripts may set although the policy forbids inline styles.
export const h = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

export const s = (tag, attributes, ...children) =>
  build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// Replaces the children of an element; the child with the focus, found by its id, keeps it.
export function show(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  element.replaceChildren(...children.flat(Infinity).filter((child) => child));
  if (focused) find(focused)?.focus({ preventScroll: true });
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("--")) element.style.setProperty(name, value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child));
  return element;
}
