// word-count: state. `reduce` counts the words of each `text-added`; nobody asks, nothing happens. A
// `report-requested` is answered from the state, as it was at that event.
//
//   millrace deploy examples/word-count --stream /examples/word-count --wait
//   millrace append /examples/word-count - < examples/word-count/input.jsonl
//   millrace tail /examples/word-count --types report-made
//
// Expect two `report-made`, the second with the words of all texts. `reduce` is pure, so the state can be
// rebuilt from the log on any machine: deploy it on a stream that has texts already, and they count, too.

import { words } from "./words.js";

export default {
  initialState: { total: 0, counts: [] },

  reduce({ event, state }) {
    if (event.type !== "text-added") return;
    const counts = new Map(state.counts);
    const found = words(event.payload.text);
    for (const word of found) counts.set(word, (counts.get(word) ?? 0) + 1);
    return { total: state.total + found.length, counts: [...counts] };
  },

  async afterAppend({ event, state, append }) {
    if (event.type !== "report-requested") return;
    const often = [...state.counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    const top = often.slice(0, 3).map(([word, count]) => ({ word, count }));
    await append({ type: "report-made", payload: { total: state.total, different: often.length, top } });
  },
};
