/**
 * What rankers of traced networks read: numbers of channels, pixels, parameters, multiply-adds, activations and
 * repeats, in the order of `egraph.encoding.measures`, which names them.
 */

import { dot, heaviestPath, sum } from "./sweeps.mjs";

const LEVELS = 6; // operations at the whole, half, ... of the resolution are told apart up to this many
const KINDS = (
  "conv separable-conv inverted-residual max-pool avg-pool linear graph-conv attention aggregation other"
).split(" ");

/** The measured attributes of an operation as numbers of order one. */
export function measureVertex({ channels, pixels, parameters, flops, activations, repeats }) {
  const amounts = [channels, pixels, parameters, flops, activations];
  return [...amounts.map((amount) => Math.log1p(amount ?? 0) / 8), Math.log2(repeats ?? 1) / 4];
}

/** Numbers that describe the sizes of a graph. */
export function measureGraph(operations, counts) {
  const all = [...operations.keys()];
  const of = (number) => operations.map((op) => number(op) ?? 0);
  const interior = of(({ kind }) => KINDS.includes(kind));
  const inside = (numbers) => numbers.map((number, v) => (interior[v] ? number : 0));
  const parameters = of((op) => op.parameters);
  const multiplyAdds = of((op) => op.flops);
  const channels = of((op) => op.channels);
  const pixels = of((op) => op.pixels);
  const kernel = of((op) => op.kernel);
  const stride = of((op) => op.stride);
  const repeats = inside(of((op) => op.repeats ?? 1));
  const members = KINDS.map((one) => of(({ kind }) => Number(kind === one)));
  const depthwise = of(({ kind, groups }) => Number(kind === "conv" && groups === 0));
  const grouped = of(({ kind, groups }) => Number(kind === "conv" && groups > 1));

  const whole = [parameters, multiplyAdds, of((op) => op.activations)].map((x) => Math.max(sum(x), 1));
  const [size, cost, activity] = whole.map(Math.log);
  const shares = [parameters, multiplyAdds].map((x, i) => x.map((number) => number / whole[i]));
  const area = Math.max(1, ...inside(pixels.map((number, v) => number * stride[v] ** 2)));
  const maps = pixels.filter((number, v) => interior[v] && number > 1);
  const level = pixels.map((number) => {
    const halvings = Math.log2(area / Math.max(number, 1)) / 2;
    return Math.min(Math.max(Math.floor(halvings + 0.25), 0), LEVELS - 1);
  });
  const first = all.map((v) => Number(counts[0][v] > 0 && interior[v]));
  return [
    size,
    cost,
    activity,
    cost - size,
    cost - activity,
    activity - size,
    Math.log1p(heaviestPath(counts, repeats).at(-1)),
    Math.log1p(sum(repeats)),
    Math.log1p(dot(repeats, depthwise)),
    Math.log1p(dot(repeats, grouped)),
    Math.log(area),
    Math.log(maps.length ? Math.min(...maps) : 1),
    dot(shares[1], pixels.map(Math.log1p)),
    Math.log1p(Math.max(...channels)),
    dot(shares[1], channels.map(Math.log1p)),
    dot(shares[1], kernel),
    Math.max(...first.map((is, v) => is * kernel[v])),
    Math.log2(Math.max(1, ...first.map((is, v) => is * stride[v]))),
    ...members.map((member) => Math.log1p(dot(member, repeats))),
    ...shares.flatMap((share) => members.map((member) => dot(member, share))),
    ...shares.flatMap((share) =>
      [...Array(LEVELS).keys()].map((one) => sum(share.filter((_, v) => level[v] === one))),
    ),
  ];
}
