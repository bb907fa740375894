/**
 * Scores an architecture, or a list of them:
 *
 *     node score.mjs ranker.onnx architecture.json [level]
 *
 * The first file is written by `egraph export` or `ranker.to_onnx`, the second holds what
 * `Architecture.to_json` gives. The level, 0.8 unless given, is the probability with which the true score
 * lies in the interval.
 */

import { readFile } from "node:fs/promises";

import { Ranker } from "./ranker.mjs";

const [rankerPath, architecturePath, level = "0.8"] = process.argv.slice(2);
if (architecturePath === undefined) {
  console.error("usage: node score.mjs ranker.onnx architecture.json [level]");
  process.exit(2);
}
try {
  const ranker = await Ranker.load(rankerPath);
  const architectures = [JSON.parse(await readFile(architecturePath, "utf8"))].flat();
  for (const { score, lower, upper } of await ranker.score(architectures, Number(level))) {
    console.log(`${score.toFixed(4)} (${lower.toFixed(4)} to ${upper.toFixed(4)})`);
  }
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exit(1);
}
