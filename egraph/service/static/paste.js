// The field into which an architecture is pasted, in any notation that the service reads.

import { ask, Problem } from "./api.js";
import { find, h } from "./dom.js";
import { read } from "./graph.js";
import { explain } from "./problems.js";

// Wires the form; `take(graph)` gets what was read.
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
  text.addEventListener("paste", () => setTimeout(submit)); // once the text is there
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  });
}

// Has the service read a text; gives what is wrong with it, or nothing.
async function readText(text, space, take) {
  const trimmed = text.trim();
  if (!trimmed) return "Paste an architecture first.";
  let architecture = trimmed;
  if (trimmed.startsWith("{")) {
    try {
      architecture = JSON.parse(trimmed);
    } catch (error) {
      return `This is not JSON: ${error.message}.`;
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
