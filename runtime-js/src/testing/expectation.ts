// What a test expects, and the sentence that tells what came instead.

import type { Event } from "../event.ts";
import type { Outcome } from "./outcome.ts";

export interface Expectation {
  /** What was appended, in order, each at least with these members. */
  appends?: readonly Expected[];
  state?: unknown;
  /** Each a part of the failure's message, or its phase and offset. */
  failures?: readonly (string | { phase?: string; offset?: number; message?: string })[];
}

export type Expected = Partial<Pick<Event, "type" | "payload" | "metadata" | "idempotencyKey" | "streamPath">>;

export function check(outcome: Outcome, expected: Expectation | readonly Expected[]): void {
  const { appends, state, failures } = Array.isArray(expected) ? { appends: expected } : (expected as Expectation);
  const wrong: string[] = [];
  if (appends) {
    const fits = appends.length === outcome.appends.length && appends.every((event, at) => includes(outcome.appends[at], event));
    if (!fits) wrong.push(told("appends", appends, outcome.appends.map(brief)));
  }
  if (state !== undefined && !includes(outcome.state, state, true)) wrong.push(told("state", state, outcome.state));
  const wanted = failures ?? [];
  const fits = wanted.length === outcome.failures.length && wanted.every((one, at) => isFailure(outcome.failures[at], one));
  if (!fits) wrong.push(told("failures", wanted, outcome.failures));
  if (wrong.length > 0) throw new ExpectationError(wrong.join("\n\n"));
}

export class ExpectationError extends Error {
  override readonly name = "ExpectationError";
}

function isFailure(failure: Outcome["failures"][number] | undefined, wanted: string | object): boolean {
  if (!failure) return false;
  return typeof wanted === "string" ? failure.message.includes(wanted) : includes(failure, wanted);
}

/** Whether `actual` has all that `expected` has, and, where it is to be `whole`, no more. */
export function includes(actual: unknown, expected: unknown, whole = false): boolean {
  if (typeof expected !== "object" || expected === null || typeof actual !== "object" || actual === null)
    return Object.is(actual, expected);
  if (Array.isArray(expected) || Array.isArray(actual)) {
    if (!Array.isArray(expected) || !Array.isArray(actual) || expected.length !== actual.length) return false;
    return expected.every((member, at) => includes(actual[at], member, whole));
  }
  if (whole && Object.keys(actual).some((key) => !(key in expected))) return false;
  return Object.entries(expected).every(([key, member]) => includes((actual as Record<string, unknown>)[key], member, whole));
}

const brief = ({ type, payload, streamPath }: Event) => ({ type, payload, streamPath });

const told = (what: string, expected: unknown, actual: unknown) =>
  `${what}: expected ${JSON.stringify(expected, undefined, 2)}\n${what}: found ${JSON.stringify(actual, undefined, 2)}`;
