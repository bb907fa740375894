/** Numbers from the answers that a builder makes a network of; the same numbers as in Python. */

/**
 * @param {object} answers the answers of one architecture, by name.
 * @param {Array} asked the questions that the ranker reads, each with the answers that it has met, as its
 *     file says.
 * @returns {number[]} for each question about numbers their position among those met; for others, a 1 for the
 *     answer among zeros. Who was not asked is in the middle.
 */
export function encodeAnswers(answers = {}, asked = []) {
  return asked.flatMap(([name, met]) => {
    const answer = answers[name];
    if (met.every(isNumber)) return [isNumber(answer) ? position(answer, met) : (met.length - 1) / 2];
    if (!Object.hasOwn(answers, name)) return met.map(() => 1 / met.length);
    return met.map((option) => Number(JSON.stringify(option) === JSON.stringify(answer)));
  });
}

function isNumber(value) {
  return typeof value === "number";
}

/** The position of a number among rising ones; between two of them it is interpolated. */
function position(value, rising) {
  const above = rising.findIndex((other) => other >= value);
  if (above < 0) return rising.length - 1;
  if (above === 0) return 0;
  const [low, high] = [rising[above - 1], rising[above]];
  return above - 1 + (value - low) / (high - low);
}
