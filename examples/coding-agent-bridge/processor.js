// coding-agent-bridge: a coding agent on your machine, mirrored into a stream. `bridge.sh` appends each JSON line that pi or
// opencode writes; this processor makes of them the few events that others want to react to.
//
//   millrace deploy examples/coding-agent-bridge --stream /examples/coding-agent-bridge --wait
//   sh examples/coding-agent-bridge/bridge.sh /examples/coding-agent-bridge session < examples/coding-agent-bridge/input.lines
//   millrace tail /examples/coding-agent-bridge
//
// `input.lines` has what such an agent writes. Expect each line as `coding-agent-event-added`, and behind them
// `coding-agent-tool-called {tool, input}`, `agent-output-added {content}` for what the agent says, and
// `coding-agent-finished {tools}` with how often it used which.

/** What a line says, whichever agent has written it. */
function read(line) {
  switch (line.type) {
    // pi
    case "tool_execution_start":
      return { tool: line.toolName, input: line.args };
    case "message_end":
      return line.message?.role === "assistant" ? { text: textOf(line.message.content) } : {};
    case "agent_end":
      return { isEnd: true };
    // opencode
    case "tool_use":
      return { tool: line.part?.tool, input: line.part?.state?.input };
    case "text":
      return { text: line.part?.text };
    case "step_finish":
      return { isEnd: line.part?.reason === "stop" };
    default:
      return {};
  }
}

function textOf(content) {
  if (typeof content === "string") return content;
  return (content ?? []).filter((part) => part.type === "text").map((part) => part.text).join("");
}

export default {
  initialState: { tools: {} },

  reduce({ event, state }) {
    if (event.type === "coding-agent-finished") return { tools: {} };
    if (event.type !== "coding-agent-event-added") return;
    const { tool } = read(event.payload);
    if (tool) return { tools: { ...state.tools, [tool]: (state.tools[tool] ?? 0) + 1 } };
  },

  async afterAppend({ event, state, append }) {
    if (event.type !== "coding-agent-event-added") return;
    const { tool, input, text, isEnd } = read(event.payload);
    if (tool) await append({ type: "coding-agent-tool-called", payload: { tool, input: input ?? {} } });
    if (text) await append({ type: "agent-output-added", payload: { content: text } });
    if (isEnd) await append({ type: "coding-agent-finished", payload: { tools: state.tools } });
  },
};
