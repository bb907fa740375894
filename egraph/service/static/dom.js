// Elements, made in one line each.

export const find = (id) => document.getElementById(id);

// h("button", {class: "quiet", onclick: undo, disabled: true}, "Undo"): an attribute that is false or undefined is
// left out; a name with two dashes is a property of CSS, which a policy without inline styles lets a script set.
export const h = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

export const s = (tag, attributes, ...children) =>
  build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// Shows new children in an element; what had the focus there keeps it, told by its id.
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
