// self-rewriting-agent: an agent whose code is an event in its own stream, and which appends other code when it is told to
// behave otherwise. A version that does not load never replaces the one that works, so it cannot lock itself out.
//
//   millrace secrets set OPENAI_API_KEY --host api.openai.com
//   millrace deploy examples/self-rewriting-agent --stream /examples/self-rewriting-agent --wait
//   millrace append /examples/self-rewriting-agent - < examples/self-rewriting-agent/input.jsonl
//   millrace tail /examples/self-rewriting-agent --follow
//
// `input.jsonl` talks to a local model server (leave its first line out for OpenAI). Append `ping`, and expect `pong`. Append
// `behaviour-wanted {text}`, and expect a `processor/configured` from this processor itself, a `processor/activated`, and from
// then on what was wanted. An answer without code is a `rewrite-failed {text, message}`, and the model is told and asked again.

const ATTEMPTS = 3;
const PROMPT = `You are a millrace processor: a JavaScript module whose default export is { initialState?, reduce?({event,
state}), async afterAppend?({event, state, append, read, signal, stream}) }. You are given your own code and a wish. Answer
with the whole new module in one fenced js block. Keep the part that rewrites you, or you cannot change again.`;

export default {
  initialState: { failures: [] },

  reduce({ event, state }) {
    if (event.type === "behaviour-wanted") return { failures: [] };
    if (event.type === "rewrite-failed") return { failures: [...state.failures, event.payload.message] };
  },

  async afterAppend({ event, state, append, read, signal, stream }) {
    if (event.type === "ping") await append({ type: "pong", payload: { text: event.payload.text ?? "" } });
    if (event.type === "behaviour-wanted") await rewrite(event, [], { append, read, signal, stream });
    if (event.type === "rewrite-failed" && state.failures.length < ATTEMPTS) {
      await rewrite(event, state.failures, { append, read, signal, stream });
    }
  },
};

async function rewrite(event, failures, { append, read, signal, stream }) {
  const wish = event.payload.text;
  const told = [`Your code:\n${await ownCode(read, stream.slug)}`, `The wish: ${wish}`, ...failures].join("\n\n");
  const script = /```(?:js|javascript)?\n([\s\S]*?)```/.exec(await ask(told, signal))?.[1];
  if (!script) {
    const message = "There was no fenced js block in your last answer.";
    return append({ type: "rewrite-failed", payload: { text: wish, message } });
  }
  // The last thing that this version does: the next one is loaded behind it.
  await append({ type: "processor/configured", payload: { slug: stream.slug, script } });
}

/** The newest of the events that have configured this processor. */
async function ownCode(read, slug) {
  let code = "";
  for await (const { payload } of read({ types: "processor/configured" })) {
    if (payload.slug === slug) code = payload.script ?? Object.values(payload.modules).join("\n");
  }
  return code;
}

async function ask(content, signal) {
  const response = await fetch(`${process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1"}/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: "Bearer getSecret({secretKey: 'OPENAI_API_KEY'})",
    },
    body: JSON.stringify({
      model: process.env.MODEL ?? "gpt-5-mini",
      messages: [{ role: "system", content: PROMPT }, { role: "user", content }],
    }),
    signal,
  });
  if (!response.ok) throw new Error(`the model answered ${response.status}: ${await response.text()}`);
  return (await response.json()).choices[0].message.content;
}
