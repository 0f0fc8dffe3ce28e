// hello-counter: a processor that only counts. Its state is computed from the stream's events, also from those that
// came before it was deployed, and is there after a crash.
//
//   millrace deploy examples/hello-counter --stream /examples/hello-counter --wait
//   millrace append /examples/hello-counter - < examples/hello-counter/input.jsonl
//   curl localhost:4777/api/streams/__state/examples/hello-counter
//
// Append `hello-world` events, with a `name` or without. Expect the state `{greetings, byName}` to follow, and at each
// third greeting a `greetings-counted` event that shows it.

export default {
  initialState: { greetings: 0, byName: {} },

  reduce({ event, state }) {
    if (event.type !== "hello-world") return;
    const name = event.payload.name ?? "somebody";
    return {
      greetings: state.greetings + 1,
      byName: { ...state.byName, [name]: (state.byName[name] ?? 0) + 1 },
    };
  },

  async afterAppend({ event, state, append }) {
    if (event.type !== "hello-world" || state.greetings % 3 !== 0) return;
    await append({ type: "greetings-counted", payload: state });
  },
};
