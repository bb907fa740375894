/** A ranker out of its ONNX file, run by onnxruntime-web: in node and in browsers alike. */

import * as ort from "onnxruntime-web";

import { encode } from "./encode.mjs";
import { readMetadata } from "./metadata.mjs";

// More than one thread needs a page that is isolated from other origins, and gains nothing at this size.
ort.env.wasm.numThreads = 1;

/** What `egraph.export.OnnxRanker` is in Python. Architectures are `{ops, edges}`. */
export class Ranker {
  #session;

  /** Use `load` or `read`. */
  constructor(session, metadata) {
    this.#session = session;
    /** What the file says of itself: vocabulary, space, calibration, model card and so on. */
    this.metadata = metadata;
  }

  /** The ranker in a file, by its path; needs node. */
  static async load(path) {
    const { readFile } = await import("node:fs/promises");
    return Ranker.read(await readFile(path));
  }

  /** The ranker in the bytes of a file, such as `fetch` gets them in a browser. */
  static async read(file) {
    const metadata = readMetadata(file);
    return new Ranker(await ort.InferenceSession.create(file), metadata);
  }

  /**
   * Scores architectures.
   *
   * @param {object[]} architectures a few hundred at most: all of them are one run.
   * @param {number} level probability of the intervals, below 1; 0 for scores alone, without deviation.
   * @returns {Promise<{score: number, deviation: number, lower: number, upper: number}[]>} one for each
   *     architecture, in units of the scores that the ranker was trained on.
   */
  async score(architectures, level = 0.8) {
    if (architectures.length === 0) return [];
    const { score, deviation, lower, upper } = await this.#run(architectures, level, []);
    return Array.from(score, (_, i) => ({
      score: score[i],
      deviation: deviation[i],
      lower: lower[i],
      upper: upper[i],
    }));
  }

  /**
   * Says how probable it is that each architecture is worse than, equal to, or better than another.
   *
   * @param {object[]} some
   * @param {object[]} others as many.
   * @returns {Promise<{worse: number, equal: number, better: number}[]>} of the first one of each pair.
   */
  async compare(some, others) {
    if (some.length !== others.length) {
      throw new RangeError(
        `expected as many architectures on both sides, got ${some.length} and ${others.length}`,
      );
    }
    if (some.length === 0) return [];
    const pairs = some.map((_, i) => [i, some.length + i]);
    const { probabilities } = await this.#run([...some, ...others], 0, pairs);
    return pairs.map((_, i) => {
      const [worse, equal, better] = probabilities.slice(3 * i, 3 * i + 3);
      return { worse, equal, better };
    });
  }

  async #run(architectures, level, pairs) {
    if (!(level >= 0 && level < 1))
      throw new RangeError(`level must be at least 0 and below 1, got ${level}`);
    const { vocabulary, names, measured, asked } = this.metadata;
    const encoded = encode(architectures, vocabulary, names, measured, asked);
    const tensor = (type, { data, shape }) => new ort.Tensor(type, data, shape);
    const outputs = await this.#session.run({
      vertices: tensor("float32", encoded.vertices),
      counts: tensor("float32", encoded.counts),
      sizes: tensor("int64", encoded.sizes),
      features: tensor("float64", encoded.features),
      level: tensor("float64", { data: [level], shape: [] }),
      pairs: tensor("int64", { data: BigInt64Array.from(pairs.flat(), BigInt), shape: [pairs.length, 2] }),
    });
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
  }
}
