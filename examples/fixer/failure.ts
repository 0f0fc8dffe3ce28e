// What is wrong, in a form that can be compared: two failures with one fingerprint are the same error again.

import type { Event, JsonObject } from "millrace";

export interface Failure {
  /** The event on this stream that tells it. */
  offset: number;
  kind: "compile" | "failed" | "types";
  /** The source that it is a failure of. */
  source: number;
  fingerprint: string;
  /** The event that the processor was busy with, and on which stream. */
  cause?: { streamPath: string; offset: number };
}

/** A failure's payload: of its own event, or as a child stream has reported it. */
export function payloadOf(event: Event): JsonObject {
  return event.type === "fixer/failure-reported" ? event.payload.failure : event.payload;
}

export function kindOf(type: string): Failure["kind"] {
  if (type === "processor/compile-failed") return "compile";
  return type === "processor/type-errors-found" ? "types" : "failed";
}

/** Without what differs from one time to the next: numbers, quoted values, places. */
export function fingerprintOf(payload: JsonObject): string {
  if (Array.isArray(payload.diagnostics)) {
    const lines = payload.diagnostics.map((it: JsonObject) => `${it.code} ${it.file} ${plain(it.message)}`);
    return [payload.stage ?? "types", ...new Set(lines.slice(0, 8).sort())].join("\n");
  }
  const { phase, reason, error } = payload;
  const frame = error?.frames?.[0];
  return `${phase} ${reason} ${error?.name}: ${plain(error?.message)} in ${frame?.function ?? ""} of ${frame?.file ?? ""}`;
}

function plain(message: unknown): string {
  return String(message).replace(/\d+/g, "#").slice(0, 300);
}

/** One sentence for people and for the model. */
export function sentenceOf(payload: JsonObject): string {
  if (Array.isArray(payload.diagnostics)) {
    const [first] = payload.diagnostics;
    const place = first ? ` (${first.file}:${first.line}:${first.column})` : "";
    return `${payload.stage ?? "types"}: ${first?.message ?? "it does not compile"}${place}`;
  }
  const { phase, reason, error } = payload;
  const frame = error?.frames?.[0];
  const place = frame ? ` (${frame.file}:${frame.line}:${frame.column})` : "";
  return `${phase} failed (${reason}): ${error?.name}: ${error?.message}${place}`;
}
