// agent: a model with a history, in one stream. Each piece of its answer is an event; newer input interrupts it; model and
// system prompt are set by events, and so is everything that other processors want of it.
//
//   millrace secrets set OPENAI_API_KEY --host api.openai.com
//   millrace deploy examples/agent --stream /examples/agent --wait
//   millrace append /examples/agent - < examples/agent/input.jsonl
//   millrace tail /examples/agent --follow
//
// `input.jsonl` talks to a local model server (leave its first line out for OpenAI; `millrace serve --egress-allow
// 127.0.0.1:11434` lets processors reach it, and any text will do as its secret). Append
//   agent-configured {model?, systemPrompt?, waitMs?}     what is left out stays as it is
//   agent-input-added {content, role?}                    `user`, the default, is answered; `developer` is context
//   agent-input-retracted {offset, reason}                forgets an input, and stops an answer to it
//   agent-history-compacted {upTo, summary}               replaces the history up to an offset
// and expect
//   llm-request-announced {requestId, waitMs}             for so long others may add context; inputs that come in quick
//                                                         succession become one request, as the wait starts anew
//   llm-request-started {requestId, model}
//   agent-output-delta-added {requestId, delta}           one for each piece
//   agent-output-added {requestId, content}               or `llm-request-canceled`, or `agent-request-failed`
// where the id of a request is the offset of the input that it answers.

import { defineProcessor } from "millrace";
import type { AppendContext } from "millrace";
import { type Message, streamChat } from "./model";

interface Entry {
  offset: number;
  role: "developer" | "user" | "assistant";
  content: string;
}

interface State {
  model: string;
  systemPrompt: string;
  waitMs: number;
  history: Entry[];
  /** The newest input that is to be answered. */
  question: number | null;
  /** What has come of an answer that is under way. */
  partial: { requestId: number; content: string } | null;
}

/** The request that is under way in this isolate. Newer input replaces it; a restart begins again from the events. */
let running: { requestId: number; controller: AbortController } | undefined;

function begin(requestId: number): AbortSignal {
  if (running?.requestId !== requestId) {
    running?.controller.abort("newer input came");
    running = { requestId, controller: new AbortController() };
  }
  return running.controller.signal;
}

export default defineProcessor<State>({
  // With `serial`, the default, a newer input would wait until the answer to the older one is complete.
  concurrency: "parallel",

  initialState: {
    model: "gpt-5-mini",
    systemPrompt: "You are a helpful assistant.",
    waitMs: 200,
    history: [],
    question: null,
    partial: null,
  },

  reduce({ event, state }) {
    const { payload, offset } = event;
    switch (event.type) {
      case "agent-configured":
        return {
          ...state,
          model: payload.model ?? state.model,
          systemPrompt: payload.systemPrompt ?? state.systemPrompt,
          waitMs: payload.waitMs ?? state.waitMs,
        };
      case "agent-input-added": {
        const role = payload.role ?? "user";
        const history = [...state.history, { offset, role, content: String(payload.content) }];
        return { ...state, history, question: role === "user" ? offset : state.question };
      }
      case "agent-input-retracted": {
        const history = state.history.filter((entry) => entry.offset !== payload.offset);
        return { ...state, history, question: state.question === payload.offset ? null : state.question };
      }
      case "agent-history-compacted": {
        const summary: Entry = { offset: payload.upTo, role: "developer", content: `So far: ${payload.summary}` };
        return { ...state, history: [summary, ...state.history.filter((entry) => entry.offset > payload.upTo)] };
      }
      case "agent-output-delta-added": {
        const { partial } = state;
        const before = partial && partial.requestId === payload.requestId ? partial.content : "";
        return { ...state, partial: { requestId: payload.requestId, content: before + payload.delta } };
      }
      case "agent-output-added":
        return { ...state, history: [...state.history, { offset, role: "assistant", content: payload.content }], partial: null };
      case "llm-request-canceled":
        return interrupted(state, payload.requestId);
    }
  },

  async afterAppend(context) {
    const { event } = context;
    if (event.type === "agent-input-added" && (event.payload.role ?? "user") === "user") await announce(context);
    if (event.type === "llm-request-started") await answer(context);
    if (event.type === "agent-input-retracted" && running && running.requestId === event.payload.offset) {
      running.controller.abort(event.payload.reason ?? "its input was retracted");
    }
  },
});

/** What had been said counts: the model is to know where it was interrupted, which is in front of the newer input. */
function interrupted(state: State, requestId: number): State {
  if (state.partial?.requestId !== requestId) return state;
  if (!state.history.some((entry) => entry.offset === requestId)) return { ...state, partial: null }; // retracted
  const newer = state.history.findIndex((entry) => entry.role === "user" && entry.offset > requestId);
  const at = newer === -1 ? state.history.length : newer;
  const entry: Entry = { offset: requestId, role: "assistant", content: `${state.partial.content} [interrupted]` };
  return { ...state, history: state.history.toSpliced(at, 0, entry), partial: null };
}

/** Leaves the others some time, and starts unless newer input has come. */
async function announce({ event, state, append, signal }: AppendContext<State>) {
  const requestId = event.offset;
  const canceled = begin(requestId);
  await append({ type: "llm-request-announced", payload: { requestId, waitMs: state.waitMs } });
  await waitUnless(AbortSignal.any([signal, canceled]), state.waitMs);
  signal.throwIfAborted();
  await append(canceled.aborted ? cancellation(requestId, canceled.reason) : started(requestId, state.model));
}

/** The state is that of `llm-request-started`: it has all context that was added in time. */
async function answer({ event, state, append, signal }: AppendContext<State>) {
  const { requestId, model } = event.payload;
  if (state.question !== requestId) {
    await append(cancellation(requestId, "it is not the newest input any more"));
    return;
  }
  const canceled = begin(requestId);
  let content = "";
  try {
    for await (const delta of streamChat(model, messages(state), AbortSignal.any([signal, canceled]))) {
      content += delta;
      await append({ type: "agent-output-delta-added", payload: { requestId, delta } });
    }
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    await append(canceled.aborted ? cancellation(requestId, canceled.reason) : failure(requestId, message));
    return;
  }
  // The key is for a crash in the middle of an answer: whichever attempt ends first has the last word.
  await append({ type: "agent-output-added", payload: { requestId, content }, idempotencyKey: `answer-${requestId}` });
}

const started = (requestId: number, model: string) => ({ type: "llm-request-started", payload: { requestId, model } });
const cancellation = (requestId: number, reason: string) => ({ type: "llm-request-canceled", payload: { requestId, reason } });
const failure = (requestId: number, message: string) => ({ type: "agent-request-failed", payload: { requestId, message } });

function messages(state: State): Message[] {
  const history = state.history.map(({ role, content }): Message => ({ role: role === "developer" ? "system" : role, content }));
  return [{ role: "system", content: state.systemPrompt }, ...history];
}

/** Resolves after a while, or at once when the signal aborts. */
function waitUnless(signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()));
  });
}
