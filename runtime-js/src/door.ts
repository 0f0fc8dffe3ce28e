// The door to a server: one request, with its headers, its errors as MillraceError, and its repetition where that is safe.

import { MillraceError } from "./problem.ts";
import { Pauses, sleep } from "./pause.ts";

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export interface DoorOptions {
  baseUrl: string;
  project?: string | undefined;
  token?: string | undefined;
  fetch?: Fetch | undefined;
}

export interface Ask {
  method?: "GET" | "POST" | "DELETE";
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Asking twice does no harm: what passes is tried again for so long. */
  patienceMs?: number;
}

export class Door {
  readonly baseUrl: string;
  readonly project: string | undefined;
  readonly #token: string | undefined;
  readonly #fetch: Fetch;

  constructor({ baseUrl, project, token, fetch = globalThis.fetch }: DoorOptions) {
    this.baseUrl = baseUrl.replace(/\/+$/, "").replace(/\/api$/, "");
    this.project = project;
    this.#token = token;
    // Called without a receiver, as browsers want it.
    this.#fetch = (url, init) => fetch(url, init);
  }

  /** The answer's JSON. */
  async json<Answer>(path: string, ask: Ask = {}): Promise<Answer> {
    return (await this.#patiently(path, ask, async (response) => response.json())) as Answer;
  }

  /** The answer, once it has begun and is a success. */
  async open(path: string, ask: Ask = {}): Promise<Response> {
    return this.#patiently(path, ask, async (response) => response);
  }

  async #patiently<Answer>(path: string, ask: Ask, take: (response: Response) => Promise<Answer>): Promise<Answer> {
    const until = Date.now() + (ask.patienceMs ?? 0);
    const pauses = new Pauses(50, 5_000);
    for (;;) {
      let wanted = 0;
      try {
        const response = await this.#send(path, ask);
        wanted = 1_000 * Number(response.headers.get("retry-after") ?? 0) || 0;
        if (!response.ok) throw await MillraceError.of(response, asked(path, ask));
        return await take(response);
      } catch (error) {
        ask.signal?.throwIfAborted();
        const told = error instanceof MillraceError ? error : MillraceError.unreachable(asked(path, ask), error);
        const pause = pauses.take(wanted);
        if (!told.isPassing || Date.now() + pause > until) throw told;
        await sleep(pause, ask.signal);
      }
    }
  }

  #send(path: string, { method = "GET", query, body, headers, signal }: Ask): Promise<Response> {
    const url = new URL(`${this.baseUrl}/api${path}`);
    for (const [key, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(key, String(value));
    const sent: Record<string, string> = { ...headers };
    if (this.project !== undefined) sent["x-millrace-project"] = this.project;
    if (this.#token !== undefined) sent["authorization"] = `Bearer ${this.#token}`;
    if (body !== undefined) sent["content-type"] = "application/json";
    return this.#fetch(url.href, {
      method,
      headers: sent,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  }
}

const asked = (path: string, { method = "GET" }: Ask) => `${method} /api${path}`;
