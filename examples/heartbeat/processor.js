// heartbeat: a processor that schedules, by appending like anyone else. `watch-started` begins a heartbeat; each
// `heartbeat` is appended by the server itself, counted here, and the third ends the watch.
//
//   millrace deploy examples/heartbeat --stream /examples/heartbeat --wait
//   millrace append /examples/heartbeat - < examples/heartbeat/input.jsonl
//   millrace tail /examples/heartbeat --follow
//
// Append `watch-started`. Expect three `heartbeat`s, each with a `schedule/fired` behind it, then
// `schedule/cancelled` and `watch-ended`. The schedule goes on while the server is restarted.

const BEATS = 3;

export default {
  initialState: { beats: 0 },

  reduce({ event, state }) {
    if (event.type === "watch-started") return { beats: 0 };
    if (event.type === "heartbeat") return { beats: state.beats + 1 };
  },

  async afterAppend({ event, state, append }) {
    if (event.type === "watch-started") {
      const schedule = { kind: "every", intervalSeconds: 0.2 };
      await append({ type: "schedule/configured", payload: { slug: "watch", append: { type: "heartbeat" }, schedule } });
    }
    if (event.type === "heartbeat" && state.beats === BEATS) {
      await append({ type: "schedule/cancelled", payload: { slug: "watch" } });
      await append({ type: "watch-ended", payload: { beats: state.beats } });
    }
  },
};
