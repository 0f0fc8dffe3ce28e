// One answer of an OpenAI-compatible model, as a whole.

export async function complete(model: string, prompt: string, input: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(`${process.env.OPENAI_BASE_URL ?? "https://api.openai.com/v1"}/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      // The server puts the value in on the way out: it is in no event, and not in here either.
      authorization: "Bearer getSecret({secretKey: 'OPENAI_API_KEY'})",
    },
    body: JSON.stringify({ model, messages: [{ role: "system", content: prompt }, { role: "user", content: input }] }),
    signal,
  });
  if (!response.ok) throw new Error(`the model answered ${response.status}: ${await response.text()}`);
  const { choices } = await response.json();
  return choices?.[0]?.message?.content ?? "";
}
