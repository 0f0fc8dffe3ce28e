// tool-calculator: a tool for an agent, as a processor of its own that knows the agent only by events. It offers itself
// when it is deployed, and answers calls.
//
//   millrace deploy examples/tool-calculator --stream /examples/tool-calculator --wait
//   millrace append /examples/tool-calculator - < examples/tool-calculator/input.jsonl
//   millrace tail /examples/tool-calculator
//
// Expect `agent-tool-added {name: "calculate", …}` at once. Append `agent-tool-called {callId, name, arguments}`, as
// examples/agent-with-tools does, and expect `agent-tool-result-added {callId, result}`. Calls of other tools are left
// to others.

const TOOL = {
  name: "calculate",
  description: "Computes with two numbers.",
  parameters: {
    type: "object",
    properties: { a: { type: "number" }, operator: { enum: ["+", "-", "*", "/"] }, b: { type: "number" } },
    required: ["a", "operator", "b"],
  },
};

function calculate({ a, operator, b }) {
  if (typeof a !== "number" || typeof b !== "number") return { error: "a and b must be numbers" };
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  if (operator === "*") return a * b;
  if (operator === "/") return b === 0 ? { error: "division by zero" } : a / b;
  return { error: `there is no operator ${operator}` };
}

export default {
  async onCaughtUp({ append }) {
    await append({ type: "agent-tool-added", payload: TOOL });
  },

  async afterAppend({ event, append }) {
    if (event.type !== "agent-tool-called" || event.payload.name !== TOOL.name) return;
    const { callId, arguments: input } = event.payload;
    await append({ type: "agent-tool-result-added", payload: { callId, result: calculate(input) } });
  },
};
