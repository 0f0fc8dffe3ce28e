// ping-pong: the smallest processor. It answers each `ping` with a `pong`.
//
//   millrace deploy examples/ping-pong --stream /examples/ping-pong --wait
//   millrace append /examples/ping-pong - < examples/ping-pong/input.jsonl
//   millrace tail /examples/ping-pong
//
// Append `ping` events. Expect one `pong` for each, whose `source.cause` is the ping; other events are left
// alone. Pings from before it was deployed are history: they are not answered.

export default {
  async afterAppend({ event, append }) {
    if (event.type !== "ping") return;
    await append({ type: "pong", payload: { to: event.offset, text: event.payload.text ?? "" } });
  },
};
