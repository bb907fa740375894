/**
 * What the ONNX file of a ranker says of itself.
 *
 * An ONNX file is one protobuf message, whose field 14 holds pairs of a key and a value. This reads them and
 * steps over all other fields, so it needs no library.
 */

const KEY = "egraph";
const SCHEMA = 1;
const METADATA = 14;
const [VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES] = [0, 1, 2, 5]; // how a field may be written
const DAMAGED = "the file is damaged, or no ONNX file";

/**
 * Reads the description of a ranker out of its file.
 *
 * @param {Uint8Array} file the content of the ONNX file.
 * @returns {object} vocabulary, features, space, calibration, model card and so on.
 * @throws {Error} the file is no ONNX file, no ranker, or of a newer version.
 */
export function readMetadata(file) {
  const text = entries(file).get(KEY);
  if (text === undefined) throw new Error("not the ONNX file of a ranker; write one with `egraph export`");
  const metadata = JSON.parse(text);
  if (metadata.schema !== SCHEMA) {
    throw new Error(
      `the file has schema ${metadata.schema}, expected ${SCHEMA}; take both from one version of egraph`,
    );
  }
  return metadata;
}

function entries(file) {
  const decoder = new TextDecoder();
  const found = new Map();
  for (const [number, entry] of fields(file)) {
    if (number !== METADATA) continue;
    const pair = new Map(fields(entry));
    found.set(decoder.decode(pair.get(1)), decoder.decode(pair.get(2)));
  }
  return found;
}

/** The fields of a message that are made of bytes, each with its number. */
function* fields(message) {
  let position = 0;

  function varint() {
    let value = 0;
    for (let scale = 1; position < message.length; scale *= 128) {
      const byte = message[position++];
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
    throw new Error(DAMAGED);
  }

  while (position < message.length) {
    const tag = varint();
    const wire = tag % 8;
    if (wire === VARINT) varint();
    else if (wire === EIGHT_BYTES) position += 8;
    else if (wire === FOUR_BYTES) position += 4;
    else if (wire === BYTES) {
      const end = varint() + position;
      if (end > message.length) throw new Error(DAMAGED);
      yield [(tag - wire) / 8, message.subarray(position, end)];
      position = end;
    } else throw new Error(DAMAGED);
  }
}
