/**
 * Hashes of 64 bits, as BigInt: of a text, and of such a hash again.
 *
 * Reference: RFC 7693, The BLAKE2 Cryptographic Hash and Message Authentication Code.
 */

const WORD = (1n << 64n) - 1n;

const START = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];

// One line a round: the order, in hexadecimal digits, in which it takes the sixteen words of a block.
const ROUNDS = [
  "0123456789abcdef",
  "ea489fd61c02b753",
  "b8c052fdae367194",
  "7931dcbe265a40f8",
  "905724afe1bc683d",
  "2c6a0b834d75fe19",
  "c51fed4a0763928b",
  "db7ec13950f4862a",
  "6fe9b308c2d714a5",
  "a2847615fb9e3cd0",
  "0123456789abcdef",
  "ea489fd61c02b753",
].map((digits) => Array.from(digits, (digit) => parseInt(digit, 16)));

// The columns of the state as a square of four by four, then its diagonals.
const QUARTERS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
];

const BLOCK = 128; // bytes
const LENGTH = 8; // bytes of a digest

/** The BLAKE2b digest of 8 bytes of a text in UTF-8, read as a big-endian number. */
export function fingerprint(text) {
  const bytes = new TextEncoder().encode(text);
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK));
  const padded = new Uint8Array(blocks * BLOCK);
  padded.set(bytes);
  const view = new DataView(padded.buffer);
  const state = [...START];
  state[0] ^= 0x01010000n ^ BigInt(LENGTH);
  for (let block = 0; block < blocks; block++) {
    const isLast = block === blocks - 1;
    const words = ROUNDS[0].map((word) => view.getBigUint64(block * BLOCK + word * 8, true));
    compress(state, words, BigInt(isLast ? bytes.length : (block + 1) * BLOCK), isLast);
  }
  view.setBigUint64(0, state[0], true);
  return view.getBigUint64(0);
}

/** Scrambles 64 bits: the finaliser of the splitmix64 generator. */
export function mix(bits) {
  let x = bits & WORD;
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & WORD;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & WORD;
  return x ^ (x >> 31n);
}

function compress(state, words, bytesSoFar, isLast) {
  const v = [...state, ...START];
  v[12] ^= bytesSoFar;
  if (isLast) v[14] ^= WORD;
  for (const order of ROUNDS) {
    QUARTERS.forEach((quarter, q) => {
      stir(v, quarter, words[order[2 * q]], 32n, 24n);
      stir(v, quarter, words[order[2 * q + 1]], 16n, 63n);
    });
  }
  for (let i = 0; i < state.length; i++) state[i] ^= v[i] ^ v[i + 8];
}

function stir(v, [a, b, c, d], word, turnD, turnB) {
  v[a] = (v[a] + v[b] + word) & WORD;
  v[d] = turnRight(v[d] ^ v[a], turnD);
  v[c] = (v[c] + v[d]) & WORD;
  v[b] = turnRight(v[b] ^ v[c], turnB);
}

function turnRight(word, bits) {
  return (word >> bits) | ((word << (64n - bits)) & WORD);
}
