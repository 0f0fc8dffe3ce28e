// compaction: keeps an agent's history short. It follows the conversation by its events; when that has grown beyond a
// bound and the agent has just answered, a model sums it up, and the agent goes on from the summary. The log keeps all of it.
//
//   millrace deploy examples/agent --stream /examples/compaction --wait
//   millrace deploy examples/compaction --stream /examples/compaction --wait
//   millrace append /examples/compaction - < examples/compaction/input.jsonl
//   millrace tail /examples/compaction --follow
//
// (examples/agent says what it needs of a model.) Append `compaction-configured {model?, maxCharacters?}` and talk to the
// agent. Expect `agent-history-compacted {upTo, summary}` behind the answer with which the bound was passed.

import { defineProcessor } from "millrace";
import { complete } from "./model";

interface Entry {
  offset: number;
  role: string;
  content: string;
}

interface State {
  model: string;
  maxCharacters: number;
  history: Entry[];
}

const PROMPT = `Sum up this conversation for the assistant that will go on with it: what the user wants, what was decided,
names, numbers and open questions. Leave out pleasantries.`;

export default defineProcessor<State>({
  initialState: { model: "gpt-5-mini", maxCharacters: 40_000, history: [] },

  reduce({ event, state }) {
    const { payload, offset } = event;
    const said = (role: string) => ({ ...state, history: [...state.history, { offset, role, content: String(payload.content) }] });
    switch (event.type) {
      case "compaction-configured":
        return { ...state, model: payload.model ?? state.model, maxCharacters: payload.maxCharacters ?? state.maxCharacters };
      case "agent-input-added":
        return said(payload.role ?? "user");
      case "agent-output-added":
        return said("assistant");
      case "agent-input-retracted":
        return { ...state, history: state.history.filter((entry) => entry.offset !== payload.offset) };
      case "agent-history-compacted": {
        const summary = { offset: payload.upTo, role: "summary", content: payload.summary };
        return { ...state, history: [summary, ...state.history.filter((entry) => entry.offset > payload.upTo)] };
      }
    }
  },

  async afterAppend({ event, state, append, signal }) {
    const characters = state.history.reduce((sum, entry) => sum + entry.content.length, 0);
    if (event.type !== "agent-output-added" || characters <= state.maxCharacters) return;
    const conversation = state.history.map(({ role, content }) => `${role}: ${content}`).join("\n\n");
    const summary = await complete(state.model, PROMPT, conversation, signal);
    // Inputs that came in the meantime stand behind this offset, and stay.
    await append({ type: "agent-history-compacted", payload: { upTo: event.offset, summary } });
  },
});
