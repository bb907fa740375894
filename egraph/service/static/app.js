// The page: loads the model's description, shows an architecture of its space, and updates score, neighbours and
// comparison after each edit.

import { aboutParts, headline, metricOf } from "./about.js";
import { ask, cancel, onAway, Problem } from "./api.js";
import { scaleOf } from "./bars.js";
import { makeCanvas } from "./canvas.js";
import { comparisonParts, verdict } from "./compare.js";
import { find, h, show } from "./dom.js";
import { insertAfter, read, remove, setOperation, toggle } from "./graph.js";
import { wirePaste } from "./paste.js";
import { explain, locate } from "./problems.js";
import { LEVEL, neighborParts, rowOf, scoreParts, summary } from "./results.js";
import { makeStore, readFragment } from "./store.js";
import { showTable } from "./table.js";
import { showTools } from "./tools.js";

const REST = 120; // milliseconds between an edit and the requests to the service

const store = makeStore(update);
let model, canvas, timer;
let found = null; // the score of the edited architecture
let around = []; // the scores of neighbours; those of the previous architecture until new ones arrive

onAway((wait) => {
  find("away").textContent = wait === null ? "" : `The server does not answer; next attempt in ${wait} s.`;
});
start().catch((error) => {
  find("model").textContent = `Cannot load the model: ${error.message}`;
  throw error;
});

async function start() {
  model = prepare(await ask("model", "v1/model"));
  document.title = `${model.name} · egraph`;
  find("model").textContent = headline(model);
  show(find("card-body"), aboutParts(model));
  canvas = makeCanvas(find("canvas"), model.kindOf, act);
  wirePaste(model, act.take);
  addEventListener("keydown", readShortcut);
  addEventListener("hashchange", follow);
  follow();
}

// The model's description with names and kinds of operations.
function prepare(given) {
  const kinds = new Map(given.vocabulary.map(({ name, kind }) => [name, kind]));
  const operations = given.vocabulary.map(({ name }) => name).filter((name) => name !== "input" && name !== "output");
  return { ...given, operations, kindOf: (op) => kinds.get(op) ?? "other" };
}

// Shows the architectures of the address's fragment, or the model's example if it has none or an invalid one.
function follow() {
  let given = null;
  let refusal = "";
  try {
    given = readFragment(location.hash);
  } catch (error) {
    refusal = `The link holds no architecture: ${error.message}`;
  }
  store.change(given ?? { edited: store.edited ?? read(model.example) });
  find("editor-error").textContent = refusal;
}

const act = {
  take: (edited) => store.change({ edited }),
  example: () => store.change({ edited: read(model.example) }),
  keep(kept) {
    store.change({ kept });
    find("comparison").scrollIntoView({ block: "nearest" });
  },
  drop() {
    store.change({ kept: null });
    find("keep").focus();
  },
  swap: () => store.change({ edited: store.kept, kept: store.edited }),
  undo: store.undo,
  redo: store.redo,
  setOperation: (vertex, op) => store.change({ edited: setOperation(store.edited, vertex, op) }),
  connect: (from, to) => store.change({ edited: toggle(store.edited, from, to) }),
  choose: (vertex) => find(`op-${vertex}`)?.focus(),
  insertAfter(vertex) {
    if (store.edited.ops.length >= model.limits.vertices) return;
    const op = vertex > 0 ? store.edited.ops[vertex] : model.operations[0];
    store.change({ edited: insertAfter(store.edited, vertex, op) });
    find(`op-${vertex + 1}`).focus();
  },
  remove(vertex) {
    if (vertex === 0 || vertex === store.edited.ops.length - 1) return;
    store.change({ edited: remove(store.edited, vertex) });
    (find(`op-${vertex - 1}`) ?? find("insert-0")).focus();
  },
};

function update({ edited, kept }) {
  found = null;
  find("editor-error").textContent = "";
  canvas.show(edited);
  showTable(find("rows"), edited, model, new Map(), act);
  showTools(find("tools"), store, act);
  find("comparison").hidden = !kept;
  if (kept) showComparison([], null);
  for (const id of ["score", "neighbors"]) find(id).setAttribute("aria-busy", "true");
  for (const kind of ["score", "neighbors", "kept", "compare"]) cancel(kind);
  clearTimeout(timer);
  timer = setTimeout(load, REST);
}

function load() {
  const { edited, kept } = store;
  const loading = [loadScore(edited), loadNeighbors(edited), kept && loadComparison(edited, kept)];
  Promise.all(loading).then((texts) => (find("status").textContent = texts.filter((text) => text).join(" ")));
}

async function loadScore(edited) {
  const answer = await tryTo("score", "v1/score", { architectures: [edited], level: LEVEL }, (problem) => {
    const { rows, rest } = locate(problem, edited);
    showTable(find("rows"), edited, model, rows, act);
    find("editor-error").textContent = rest;
    find("caution").hidden = true;
    finish("score", h("p", { class: "hint" }, "No score: the service rejects this architecture; the editor shows the reason."));
  });
  if (!answer) return "";
  found = rowOf(answer, 0);
  showScore();
  const { unfamiliar } = found;
  find("caution").hidden = !unfamiliar;
  find("caution").textContent = unfamiliar && `This score is uncertain: ${unfamiliar}.`;
  return `Score ${find("score-value").textContent}.${unfamiliar ? ` ${find("caution").textContent}` : ""}`;
}

async function loadNeighbors(edited) {
  const answer = await tryTo("neighbors", "v1/neighbors", { architecture: edited, level: LEVEL }, (problem) =>
    finish("neighbors", h("p", { class: "hint" }, `No neighbours. ${explain(problem)}`)));
  if (!answer) return "";
  around = answer.neighbors;
  const scale = scaleOf([answer, ...around]);
  finish("neighbors", neighborParts(answer, edited, scale, model.kindOf, { keep: act.keep, take: takeNeighbor }));
  if (found) showScore(); // now on the scale of the neighbours
  return summary(answer);
}

function showScore() {
  finish("score", scoreParts(found, scaleOf([found, ...around]), metricOf(model)));
}

function takeNeighbor(graph) {
  act.take(graph);
  find("neighbors-title").focus();
}

async function loadComparison(edited, kept) {
  const refuse = (problem) => {
    showComparison([], null);
    find("comparison").append(h("p", { class: "error" }, explain(problem)));
  };
  const [scored, compared] = await Promise.all([
    tryTo("kept", "v1/score", { architectures: [edited, kept], level: LEVEL }, refuse),
    tryTo("compare", "v1/compare", { pairs: [{ a: edited, b: kept }] }, refuse),
  ]);
  if (!scored || !compared) return "";
  showComparison([rowOf(scored, 0), rowOf(scored, 1)], compared.probabilities[0]);
  return verdict(compared.probabilities[0]);
}

// Pictures immediately, scores and probabilities when they arrive.
function showComparison(rows, probabilities) {
  const sides = [store.edited, store.kept].map((graph, k) => ({ graph, found: rows[k] }));
  show(find("comparison"), comparisonParts(sides, probabilities, scaleOf(rows), model.kindOf, act));
}

// The response, or null if the request was rejected or replaced.
async function tryTo(kind, path, body, refuse) {
  try {
    return await ask(kind, path, body);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    refuse(error);
    return null;
  }
}

function finish(id, parts) {
  show(find(`${id}-body`), parts);
  find(id).setAttribute("aria-busy", "false");
}

// Undo and redo with the usual keys, except in the text field.
function readShortcut(event) {
  if (!(event.ctrlKey || event.metaKey) || event.target.matches("textarea")) return;
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return;
  event.preventDefault();
  if (key === "y" || event.shiftKey) store.redo();
  else store.undo();
}
