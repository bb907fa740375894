// Requests to the service: a new request cancels an earlier one of the same kind, and requests are repeated while the
// server is unavailable.

const LONGEST_WAIT = 10; // seconds
const AWAY = new Set([502, 503, 504]);

const running = new Map();
let notify = () => {};

// An error response of the service: a problem document (RFC 9457).
export class Problem extends Error {
  constructor(status, { title, detail, errors } = {}) {
    super(detail || title || `The server answered with status ${status}.`);
    this.errors = errors ?? [];
  }
}

// Calls `listener` with the seconds until the next attempt while the server is unavailable, and with null once it is
// available again.
export const onAway = (listener) => (notify = listener);

// The response of the service, or null if a later request of this kind replaced this one.
export async function ask(kind, path, body) {
  running.get(kind)?.abort();
  const controller = new AbortController();
  running.set(kind, controller);
  try {
    return await persist(path, body, controller.signal);
  } catch (error) {
    if (controller.signal.aborted) return null;
    throw error;
  } finally {
    if (running.get(kind) === controller) running.delete(kind);
  }
}

export const cancel = (kind) => running.get(kind)?.abort();

async function persist(path, body, signal) {
  for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    const response = await send(path, body, signal);
    if (response && !AWAY.has(response.status)) {
      notify(null);
      return await unpack(response);
    }
    signal.throwIfAborted();
    notify(wait);
    await pause(wait, signal);
  }
}

async function send(path, body, signal) {
  const options = { signal, headers: { accept: "application/json" } };
  if (body !== undefined) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    options.headers["content-type"] = "application/json";
  }
  try {
    return await fetch(new URL(path, document.baseURI), options);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TypeError) return null; // how fetch reports that the server cannot be reached
    throw error;
  }
}

async function unpack(response) {
  if (response.ok) return response.json();
  throw new Problem(response.status, await response.json().catch(() => undefined));
}

const pause = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
