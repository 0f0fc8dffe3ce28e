// sub-agent: a helper is a child stream. For each `task-given` this processor opens a stream below its own,
// configures a processor there by appending its code, and hands the task on. The child answers to its parent
// (`..`); when the last open task is done, the parent appends `all-tasks-done`.
//
//   millrace deploy examples/sub-agent --stream /examples/sub-agent --wait
//   millrace append /examples/sub-agent - < examples/sub-agent/input.jsonl
//   millrace tail /examples/sub-agent --types task-given,task-done,all-tasks-done
//
// Append `task-given {name, text}`; `name` becomes the child's path. Expect a `task-done` for each and one
// `all-tasks-done` with all results, and see each child's own log in /examples/sub-agent/NAME.

const WORKER = `
export default {
  async afterAppend({ event, append }) {
    if (event.type !== "task-given") return;
    const { name, text } = event.payload;
    const result = [...text].reverse().join("");
    await append({ path: "..", event: { type: "task-done", payload: { name, result } } });
  },
};
`;

export default {
  initialState: { open: [], results: {} },

  reduce({ event, state }) {
    const { name, result } = event.payload;
    if (event.type === "task-given") return { ...state, open: [...state.open, name] };
    if (event.type !== "task-done") return;
    return {
      open: state.open.filter((waiting) => waiting !== name),
      results: { ...state.results, [name]: result },
    };
  },

  async afterAppend({ event, state, append }) {
    if (event.type === "task-given") {
      const path = `./${event.payload.name}`;
      await append({ path, event: { type: "processor/configured", payload: { slug: "worker", script: WORKER } } });
      await append({ path, event: { type: "task-given", payload: event.payload } });
    }
    if (event.type === "task-done" && state.open.length === 0) {
      await append({ type: "all-tasks-done", payload: { results: state.results } });
    }
  },
};
