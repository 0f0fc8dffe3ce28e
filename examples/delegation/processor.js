// delegation: agents that hire agents, all of them running this one processor. It is configured once, with
// `includeChildren`, so a stream below has it as soon as something is appended there. A task that is a list is
// split: each part goes to a child stream, which may split it again. A child answers to its parent (`..`), and the
// parent, which has slept since, wakes up with that answer; when all have answered, it answers in turn.
//
//   millrace deploy examples/delegation --stream /examples/delegation --include-children --wait
//   millrace append /examples/delegation - < examples/delegation/input.jsonl
//   millrace tail /examples/delegation --types task-given,task-done
//
// Append `task-given {words}`, an array of words and of such arrays. Expect one `task-done {text}` on this stream, and
// the part of each agent in its own log, as in /examples/delegation/1.

export default {
  initialState: { waiting: 0, answers: [] },

  reduce({ event, state }) {
    if (event.type === "task-given") {
      return { waiting: event.payload.words.filter(Array.isArray).length, answers: event.payload.words };
    }
    if (event.type !== "part-done") return;
    const answers = state.answers.with(event.payload.part, event.payload.text);
    return { waiting: state.waiting - 1, answers };
  },

  async afterAppend({ event, state, append, read }) {
    if (event.type === "task-given") {
      for (const [part, words] of event.payload.words.entries()) {
        if (Array.isArray(words)) await append({ path: `./${part}`, event: { type: "task-given", payload: { words, part } } });
      }
    }
    const news = event.type === "task-given" || event.type === "part-done";
    if (!news || state.waiting > 0) return;
    const text = `(${state.answers.join(" ")})`;
    const given = await firstTask(read);
    if (given.part === undefined) await append({ type: "task-done", payload: { text } });
    else await append({ path: "..", event: { type: "part-done", payload: { part: given.part, text } } });
  },
};

/** What this agent was hired for: its own log knows. */
async function firstTask(read) {
  for await (const event of read({ types: ["task-given"] })) return event.payload;
}
