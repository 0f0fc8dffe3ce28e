// context-provider: memory for an agent that knows nothing of it. In front of each model request the agent announces it
// and waits for a moment; whoever has something to say appends it in that time. The agent goes on with or without it.
//
//   millrace deploy examples/agent --stream /examples/context-provider --wait
//   millrace deploy examples/context-provider --stream /examples/context-provider --wait
//   millrace append /examples/context-provider - < examples/context-provider/input.jsonl
//   millrace tail /examples/context-provider --follow
//
// (examples/agent says what it needs of a model.) Append `note-added {text}` events, then `agent-input-added {content}`.
// Expect, between `llm-request-announced` and `llm-request-started`, an `agent-input-added {role: "developer"}` with the
// notes that share a word with the question; nothing when none does.

import { defineProcessor } from "millrace";

const NOTES_MAX = 5;

export default defineProcessor({
  initialState: { notes: [] as string[], questions: {} as Record<string, string> },

  reduce({ event, state }) {
    if (event.type === "note-added") return { ...state, notes: [...state.notes, String(event.payload.text)] };
    if (event.type === "agent-input-added" && (event.payload.role ?? "user") === "user") {
      return { ...state, questions: { ...state.questions, [event.offset]: String(event.payload.content) } };
    }
    if (event.type === "llm-request-started") return { ...state, questions: {} };
  },

  async afterAppend({ event, state, append }) {
    if (event.type !== "llm-request-announced") return;
    const asked = words(state.questions[event.payload.requestId] ?? "");
    const known = state.notes.filter((note) => [...words(note)].some((word) => asked.has(word)));
    if (known.length === 0) return;
    const content = ["You know this:", ...known.slice(-NOTES_MAX)].join("\n- ");
    await append({ type: "agent-input-added", payload: { role: "developer", content } });
  },
});

const words = (text: string) => new Set(text.toLowerCase().match(/\p{L}{4,}/gu) ?? []);
