// The state of the page: the edited and the kept architecture, their history, and the fragment of the address that
// encodes both, so that a link can be shared and a reload restores them.

import { read, same } from "./graph.js";

const LONGEST_HISTORY = 200;

export function makeStore(listener) {
  let now = { edited: null, kept: null };
  let past = [];
  let future = [];

  function enter(next) {
    now = next;
    history.replaceState(null, "", writeFragment(now));
    listener(now);
  }

  return {
    get edited() { return now.edited; },
    get kept() { return now.kept; },
    get canUndo() { return past.length > 0; },
    get canRedo() { return future.length > 0; },

    // Replaces one or both architectures; a change without effect is not recorded.
    change(changes) {
      const next = { ...now, ...changes };
      if (same(next, now)) return;
      if (now.edited) past = [...past, now].slice(-LONGEST_HISTORY);
      future = [];
      enter(next);
    },

    undo() {
      if (!past.length) return;
      future.push(now);
      enter(past.pop());
    },

    redo() {
      if (!future.length) return;
      past.push(now);
      enter(future.pop());
    },
  };
}

// The two architectures of an address's fragment; null if it has none.
// Throws GraphError or SyntaxError if the fragment is invalid.
export function readFragment(hash) {
  const fields = new URLSearchParams(hash.slice(1));
  if (!fields.has("a")) return null;
  const [edited, kept] = ["a", "b"].map((name) => (fields.has(name) ? read(JSON.parse(fields.get(name))) : null));
  return { edited, kept };
}

const writeFragment = ({ edited, kept }) =>
  "#" + new URLSearchParams({ a: JSON.stringify(edited), ...(kept && { b: JSON.stringify(kept) }) });
