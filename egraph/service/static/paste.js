// The field for pasting an architecture, in any notation that the service accepts.

import { ask, Problem } from "./api.js";
import { find, h } from "./dom.js";
import { read } from "./graph.js";
import { explain } from "./problems.js";

// Connects the form with its events; `take(graph)` gets the parsed architecture.
export function wirePaste(model, take) {
  const text = find("paste-text");
  const space = find("paste-space");
  const form = find("paste");
  space.replaceChildren(...model.spaces.map((name) => h("option", { value: name, selected: name === model.space }, name)));

  async function submit(event) {
    event?.preventDefault();
    const error = await readText(text.value, space.value, take);
    find("paste-error").textContent = error;
    text.setAttribute("aria-invalid", String(Boolean(error)));
    if (!error) text.value = "";
  }

  form.addEventListener("submit", submit);
  text.addEventListener("paste", () => setTimeout(submit)); // after the text has been inserted
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  });
}

// Parses a text with the service; returns an error text, empty on success.
async function readText(text, space, take) {
  const trimmed = text.trim();
  if (!trimmed) return "Paste an architecture first.";
  let architecture = trimmed;
  if (trimmed.startsWith("{")) {
    try {
      architecture = JSON.parse(trimmed);
    } catch {
      architecture = trimmed; // a dictionary of Python; the service reads it, or says why not
    }
  }
  try {
    const answer = await ask("draw", "v1/draw", { architecture, ...(space && { space }) });
    if (answer) take(read(answer.architecture));
    return "";
  } catch (error) {
    if (error instanceof Problem) return explain(error);
    throw error;
  }
}
