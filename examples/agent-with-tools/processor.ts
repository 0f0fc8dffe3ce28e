// agent-with-tools: an agent whose tools are other processors. A tool is an event, a call is an event, a result is an
// event, so a tool can be deployed beside a running agent, be written in any language, or be a person. With the package
// `openai`.
//
//   millrace secrets set OPENAI_API_KEY --host api.openai.com
//   millrace deploy examples/agent-with-tools --stream /examples/agent-with-tools --wait
//   millrace deploy examples/tool-calculator --stream /examples/agent-with-tools --wait
//   millrace append /examples/agent-with-tools - < examples/agent-with-tools/input.jsonl
//   millrace tail /examples/agent-with-tools --follow
//
// `input.jsonl` talks to a local model server (leave its first line out for OpenAI). Append
//   agent-configured {model?, systemPrompt?}
//   agent-tool-added {name, description, parameters}      `parameters` is a JSON schema; the latest of a name counts
//   agent-input-added {content}
//   agent-tool-result-added {callId, result}              whoever has the tool, in answer to a call
// and expect
//   agent-output-added {content, toolCalls}               what the model says, and what it wants
//   agent-tool-called {callId, name, arguments}           one for each call; with the last result the model goes on

import { defineProcessor } from "millrace";
import OpenAI from "openai";

type Message = OpenAI.ChatCompletionMessageParam;

interface Call {
  callId: string;
  name: string;
  arguments: string;
}

interface State {
  model: string;
  systemPrompt: string;
  tools: Record<string, { description: string; parameters: Record<string, unknown> }>;
  messages: Message[];
  /** The calls of the last answer that have no result yet. */
  open: string[];
}

export default defineProcessor<State>({
  initialState: { model: "gpt-5-mini", systemPrompt: "You are a helpful assistant.", tools: {}, messages: [], open: [] },

  reduce({ event, state }) {
    const { payload } = event;
    const said = (message: Message) => [...state.messages, message];
    switch (event.type) {
      case "agent-configured":
        return {
          ...state,
          model: payload.model ?? state.model,
          systemPrompt: payload.systemPrompt ?? state.systemPrompt,
        };
      case "agent-tool-added": {
        const { name, description, parameters } = payload;
        return { ...state, tools: { ...state.tools, [name]: { description, parameters } } };
      }
      case "agent-input-added":
        return { ...state, messages: said({ role: "user", content: String(payload.content) }) };
      case "agent-output-added": {
        const calls: Call[] = payload.toolCalls ?? [];
        return { ...state, messages: said(assistant(payload.content, calls)), open: calls.map((call) => call.callId) };
      }
      case "agent-tool-result-added": {
        const { callId, result } = payload;
        if (!state.open.includes(callId)) return;
        const messages = said({ role: "tool", tool_call_id: callId, content: JSON.stringify(result) });
        return { ...state, messages, open: state.open.filter((open) => open !== callId) };
      }
    }
  },

  async afterAppend({ event, state, prevState, append, signal }) {
    const isInput = event.type === "agent-input-added";
    const isLastResult = event.type === "agent-tool-result-added" && prevState.open.length > 0;
    // An input that comes while tools are at work is answered together with their results.
    if ((!isInput && !isLastResult) || state.open.length > 0) return;

    const { content, calls } = await ask(state, signal);
    await append({ type: "agent-output-added", payload: { content, toolCalls: calls } });
    for (const call of calls) {
      const input = parsed(call.arguments);
      const trouble = state.tools[call.name] ? input.trouble : `there is no tool ${call.name}`;
      if (trouble) {
        await append({ type: "agent-tool-result-added", payload: { callId: call.callId, result: { error: trouble } } });
      } else {
        await append({ type: "agent-tool-called", payload: { ...call, arguments: input.value } });
      }
    }
  },
});

async function ask(state: State, signal: AbortSignal): Promise<{ content: string; calls: Call[] }> {
  const client = new OpenAI({
    apiKey: "getSecret({secretKey: 'OPENAI_API_KEY'})", // the server puts the value in on the way out
    baseURL: process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1",
  });
  const tools = Object.entries(state.tools).map(([name, tool]) => ({ type: "function" as const, function: { name, ...tool } }));
  const completion = await client.chat.completions.create(
    {
      model: state.model,
      messages: [{ role: "system", content: state.systemPrompt }, ...state.messages],
      ...(tools.length > 0 && { tools }),
    },
    { signal },
  );
  const message = completion.choices[0]?.message;
  const calls = (message?.tool_calls ?? []).flatMap((call): Call[] =>
    call.type === "function" ? [{ callId: call.id, name: call.function.name, arguments: call.function.arguments }] : [],
  );
  return { content: message?.content ?? "", calls };
}

function assistant(content: string, calls: Call[]): Message {
  if (calls.length === 0) return { role: "assistant", content };
  const toolCalls = calls.map(({ callId, name, arguments: text }) => ({
    id: callId,
    type: "function" as const,
    function: { name, arguments: text },
  }));
  return { role: "assistant", content, tool_calls: toolCalls };
}

/** A model's arguments are JSON most of the time. */
function parsed(text: string): { value?: unknown; trouble?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { trouble: `the arguments are no JSON: ${error}` };
  }
}
