// Errors of the service, shown where they can be corrected.

// Splits the errors of an architecture into texts by vertex, and one text for the rest.
export function locate(problem, graph) {
  const rows = new Map();
  const rest = [];
  for (const { pointer, detail } of problem.errors.length ? problem.errors : [{ pointer: "", detail: problem.message }]) {
    const vertex = vertexAt(pointer, graph);
    if (vertex === null) rest.push(sentence(detail));
    else rows.set(vertex, [rows.get(vertex), sentence(detail)].filter((text) => text).join(" "));
  }
  return { rows, rest: rest.join(" ") };
}

// The errors of a pasted architecture as lines of text, each with its position.
export const explain = (problem) =>
  problem.errors.length
    ? problem.errors.map(({ pointer, detail }) => position(pointer) + sentence(detail)).join("\n")
    : sentence(problem.message);

// The position that a JSON pointer names: "/architecture/edges/3" becomes "edges[3]: ".
function position(pointer) {
  const names = pointer.split("/").slice(1).filter((name) => !["architecture", "architectures", "pairs"].includes(name));
  const text = names.map((name) => (/^\d+$/.test(name) ? `[${name}]` : `.${name}`)).join("");
  return text ? `${text.replace(/^\./, "")}: ` : "";
}

function vertexAt(pointer, graph) {
  const [, field, index] = /\/(ops|edges)\/(\d+)/.exec(pointer) ?? [];
  if (field === "ops") return Number(index);
  if (field === "edges") return graph.edges[index]?.[1] ?? null;
  return null;
}

function sentence(text) {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
