// The server under test, and a project of its own for each test.

import { createEventsClient, type EventsClient } from "millrace";

const { env } = (globalThis as unknown as { process: { env: Record<string, string | undefined> } }).process;

export const SERVER = env["MILLRACE_URL"] ?? "http://127.0.0.1:4777";
/** What the server is: some tests need what not every one has. */
export const FILTER = env["MILLRACE_TESTS"] ?? "";

export function client(options: { fetch?: typeof fetch; project?: string } = {}): EventsClient {
  return createEventsClient({ baseUrl: SERVER, project: `sdk-${crypto.randomUUID()}`, ...options });
}

export const silent = { debug() {}, info() {}, log() {}, warn() {}, error() {} };
