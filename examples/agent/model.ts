// A client of the OpenAI-compatible `chat/completions`, which most providers and local model servers speak.

export interface Message {
  role: "system" | "user" | "assistant";
  content: string;
}

/** The pieces of the model's answer, as they come. */
export async function* streamChat(model: string, messages: Message[], signal: AbortSignal): AsyncGenerator<string> {
  const response = await fetch(`${process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1"}/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      // The server puts the value in on the way out: it is in no event, and not in here either.
      authorization: "Bearer getSecret({secretKey: 'OPENAI_API_KEY'})",
    },
    body: JSON.stringify({ model, messages, stream: true }),
    signal,
  });
  if (!response.ok || !response.body) {
    throw new Error(`the model answered ${response.status}: ${await response.text()}`);
  }
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const data = line.startsWith("data:") ? line.slice("data:".length).trim() : "";
      if (data === "" || data === "[DONE]") continue;
      const delta = JSON.parse(data).choices?.[0]?.delta?.content;
      if (delta) yield delta;
    }
  }
}
