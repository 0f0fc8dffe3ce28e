// Asks a model, over the HTTP API that most servers speak (`POST {base}/chat/completions`) or over Anthropic's. Whatever
// goes wrong is an answer too: a sentence, and when it is worth asking again.

import { schema } from "./answer";

/** A token is rarely more than this; what is longer than the bound of tokens allows is chatter. */
const BYTES_PER_TOKEN_MAX = 16;
const ENVELOPE_BYTES = 64 * 1024;
const WAIT_SECONDS_MAX = 20;

export interface Model {
  api: "openai" | "anthropic";
  baseUrl: string;
  name: string;
  /** The name of the secret that is the key; a local server needs none. */
  secret?: string;
  timeoutSeconds: number;
}

export type Reply = { text: string; tokens: number } | { trouble: string; waitSeconds?: number; tokens: number };

/** From the stream's `processor/env-var-set` events; a sentence when something is missing. */
export function modelOf(env: Record<string, string | undefined>): Model | string {
  const { FIXER_BASE_URL: baseUrl, FIXER_MODEL: name, FIXER_SECRET: secret, FIXER_API: api } = env;
  if (!baseUrl || !name) return "no model is configured: set FIXER_BASE_URL and FIXER_MODEL with processor/env-var-set";
  const timeout = Number(env.FIXER_TIMEOUT_SECONDS);
  return {
    api: api === "anthropic" ? "anthropic" : "openai",
    baseUrl: baseUrl.replace(/\/+$/, ""),
    name,
    ...(secret && { secret }),
    timeoutSeconds: timeout > 0 ? Math.min(timeout, 270) : 180,
  };
}

/** What a server may not know, and is then left out. */
interface Dialect {
  structured: boolean;
  bound: "max_tokens" | "max_completion_tokens";
}

export async function ask(
  model: Model,
  prompt: { system: string; user: string },
  maxTokens: number,
  stopped: AbortSignal,
): Promise<Reply> {
  const dialect: Dialect = { structured: true, bound: "max_tokens" };
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(model.timeoutSeconds * 1000)]);
  try {
    for (;;) {
      const response = await fetch(model.baseUrl + pathOf(model), {
        method: "POST",
        headers: headersOf(model),
        body: JSON.stringify(bodyOf(model, prompt, maxTokens, dialect)),
        signal,
      });
      const text = await read(response, maxTokens * BYTES_PER_TOKEN_MAX + ENVELOPE_BYTES);
      if (text === undefined) return { trouble: `the model's answer is longer than ${maxTokens} tokens can be`, tokens: maxTokens };
      if (response.ok) return replyOf(text, maxTokens);
      if (response.status === 400 && speakPlainer(dialect, text)) continue;
      return refused(response, text);
    }
  } catch (error) {
    stopped.throwIfAborted();
    const late = signal.aborted;
    const what = late ? `the model did not answer within ${model.timeoutSeconds} s` : `the request failed: ${(error as Error).message}`;
    return { trouble: what, tokens: 0 };
  }
}

function pathOf(model: Model): string {
  if (model.api === "openai") return "/chat/completions";
  return model.baseUrl.endsWith("/v1") ? "/messages" : "/v1/messages";
}

/** The host puts the key in the placeholder's place, on the way out. */
function headersOf({ api, secret }: Model): Record<string, string> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  const key = secret && `getSecret({secretKey: "${secret}"})`;
  if (api === "anthropic") headers["anthropic-version"] = "2023-06-01";
  if (key && api === "anthropic") headers["x-api-key"] = key;
  else if (key) headers.authorization = `Bearer ${key}`;
  return headers;
}

function bodyOf(model: Model, { system, user }: { system: string; user: string }, maxTokens: number, dialect: Dialect) {
  if (model.api === "anthropic") {
    return { model: model.name, max_tokens: maxTokens, system, messages: [{ role: "user", content: user }] };
  }
  const messages = [
    { role: "system", content: system },
    { role: "user", content: user },
  ];
  const format = { type: "json_schema", json_schema: { name: "repair", schema } };
  return { model: model.name, messages, [dialect.bound]: maxTokens, ...(dialect.structured && { response_format: format }) };
}

/** Whether the server has named something that can be said otherwise. */
function speakPlainer(dialect: Dialect, complaint: string): boolean {
  if (dialect.bound === "max_tokens" && complaint.includes("max_completion_tokens")) {
    dialect.bound = "max_completion_tokens";
    return true;
  }
  if (dialect.structured && /response_format|json_schema|schema/i.test(complaint)) {
    dialect.structured = false;
    return true;
  }
  return false;
}

/** The body, unless it is longer than that. */
async function read(response: Response, bytesMax: number): Promise<string | undefined> {
  if (!response.body) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > bytesMax) {
      await reader.cancel();
      return;
    }
    text += decoder.decode(value, { stream: true });
  }
}

function refused(response: Response, text: string): Reply {
  const asked = Number(response.headers.get("retry-after"));
  const waitSeconds = response.status === 429 || response.status === 503 ? Math.min(asked > 0 ? asked : 1, WAIT_SECONDS_MAX) : undefined;
  const trouble = `the model's server answered with ${response.status}: ${text.slice(0, 300)}`;
  return { trouble, tokens: 0, ...(waitSeconds !== undefined && { waitSeconds }) };
}

function replyOf(body: string, maxTokens: number): Reply {
  const parts = partsOf(body);
  if (typeof parts === "string") return { trouble: parts, tokens: 0 };
  let text = "";
  let tokens = 0;
  let end: string | undefined;
  let refusal = "";
  for (const part of parts) {
    const choice = part.choices?.[0];
    const message = choice?.message ?? choice?.delta;
    text += textOf(message?.content) + textOf(part.content) + (part.delta?.text ?? "");
    refusal += message?.refusal ?? "";
    end = choice?.finish_reason ?? part.stop_reason ?? part.delta?.stop_reason ?? end;
    const usage = part.usage ?? part.message?.usage;
    if (usage) tokens = Math.max(tokens, usage.total_tokens ?? (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0));
  }
  if (refusal || end === "refusal" || end === "content_filter") {
    return { trouble: `the model refused: ${(refusal || text || end || "").slice(0, 300)}`, tokens };
  }
  if (end === "length" || end === "max_tokens") {
    return { trouble: `the answer was cut at ${maxTokens} tokens: raise maxTokens in fixer/configured, or answer shorter`, tokens };
  }
  return text.trim() ? { text, tokens } : { trouble: "the model answered with nothing", tokens };
}

/** One JSON document, or the data of server-sent events, which some servers send whether asked or not. */
function partsOf(body: string): any[] | string {
  const lines = body.split("\n").filter((line) => line.startsWith("data:"));
  const isStream = !body.trimStart().startsWith("{") && lines.length > 0;
  const texts = isStream ? lines.map((line) => line.slice(5).trim()).filter((it) => it && it !== "[DONE]") : [body];
  try {
    return texts.map((it) => JSON.parse(it));
  } catch {
    return `the model's server answered with what is no JSON: ${body.slice(0, 200)}`;
  }
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => (part?.type === "text" ? String(part.text) : "")).join("");
}
