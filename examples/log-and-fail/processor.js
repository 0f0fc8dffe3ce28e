// log-and-fail: what becomes of mistakes. It adds up numbers that come as text, logs each, and throws when
// one is no number.
//
//   millrace deploy examples/log-and-fail --stream /examples/log-and-fail --wait
//   millrace append /examples/log-and-fail - < examples/log-and-fail/input.jsonl
//   millrace tail /examples/log-and-fail --types sum-updated,processor/failed
//   millrace logs /examples/log-and-fail log-and-fail
//
// Append `number-given {text}`. Expect `sum-updated` for each number, and for the text that is none a
// `processor/failed` with the file, line and column of the throw and the offset of the event. The number
// after it is added all the same: a failure costs one event, never the processor.

function parse(text) {
  const number = Number(text);
  if (Number.isNaN(number)) throw new TypeError(`${JSON.stringify(text)} is no number`);
  return number;
}

export default {
  initialState: { sum: 0 },

  reduce({ event, state }) {
    const number = event.type === "number-given" ? Number(event.payload.text) : NaN;
    if (!Number.isNaN(number)) return { sum: state.sum + number };
  },

  async afterAppend({ event, state, append, logger }) {
    if (event.type !== "number-given") return;
    const number = parse(event.payload.text);
    logger.info(`took ${number}, which makes ${state.sum}`);
    await append({ type: "sum-updated", payload: { sum: state.sum } });
  },
};
