// Gathers what there is to know about a failure: from the stream, from the processor's logs, from the attempts before.

import type { Event, JsonObject, Read } from "millrace";
import { payloadOf, sentenceOf, type Failure } from "./failure";
import type { Lineage } from "./lineage";
import type { Simulated } from "./simulate";
import { fenced, json } from "./prompt";
import { codeOf, textsOf } from "./source";

const LOGS_SHOWN = 20;
const DIAGNOSTICS_SHOWN = 12;

export interface Evidence {
  slug: string;
  entry?: string;
  texts: Record<string, string>;
  failure: string;
  cause?: JsonObject;
  stateBefore?: unknown;
  logs: string[];
  attempts: string[];
}

export interface Scene {
  slug: string;
  /** The event with the code that fails. */
  source: Event;
  /** The event that tells the failure. */
  told: Event;
  failure: Failure;
  lineage: Lineage;
  /** Of the source, as the bundler found them. */
  typeErrors: number;
  /** The processor as it is, run over the same history; none for what never ran. */
  before?: Simulated;
}

export async function gather(scene: Scene, read: Read, path: string): Promise<Evidence> {
  const { slug, source, told, failure, lineage, before } = scene;
  const on = failure.cause?.streamPath ?? path;
  const cause = failure.cause && (await one(read, failure.cause.offset, on));
  const { type, payload, metadata, offset, createdAt } = cause ?? {};
  return {
    slug,
    ...(source.payload.entry && { entry: source.payload.entry }),
    texts: textsOf(codeOf(source)),
    failure: describe(payloadOf(told)),
    ...(cause && { cause: { type, payload, ...(metadata && { metadata }), offset, createdAt } }),
    ...(cause && before && { stateBefore: stateBefore(before, cause.offset) }),
    logs: await logsOf(read, `${on === "/" ? "" : on}/_logs/${slug}`),
    attempts: await attemptsOf(lineage, read),
  };
}

/** The event at an offset. */
export async function one(read: Read, offset: number, path?: string): Promise<Event | undefined> {
  const range = { afterOffset: offset > 1 ? offset - 1 : ("start" as const), beforeOffset: offset + 1 };
  for await (const event of read({ ...range, ...(path && { path }) })) return event;
  return undefined;
}

/** Diagnostics with their code frames, or the error with its place, frame and mapped stack. */
export function describe(payload: JsonObject): string {
  if (Array.isArray(payload.diagnostics)) {
    return payload.diagnostics
      .slice(0, DIAGNOSTICS_SHOWN)
      .map((it: JsonObject) => {
        const head = `${it.severity} ${it.code} at ${it.file}:${it.line}:${it.column}: ${it.message}`;
        return [head, it.snippet && fenced(it.snippet), it.hint && `hint: ${it.hint}`].filter(Boolean).join("\n");
      })
      .join("\n\n");
  }
  const { error } = payload;
  return [sentenceOf(payload), error?.snippet && fenced(error.snippet), error?.stack && fenced(error.stack)].filter(Boolean).join("\n\n");
}

function stateBefore(before: Simulated, offset: number): unknown {
  const earlier = before.states.filter((it) => it.offset < offset);
  return earlier[earlier.length - 1]?.state;
}

async function attemptsOf(lineage: Lineage, read: Read): Promise<string[]> {
  const told: string[] = [];
  for (const { attempt, answered, why, outcome } of lineage.attempts) {
    const answer = answered && (await one(read, answered));
    const files = answer ? fenced(json(answer.payload.files)) : "(no usable answer)";
    told.push(`Attempt ${attempt}, ${outcome}: ${why ?? "it was applied, and failed otherwise"}\n\n${files}`);
  }
  return told;
}

async function logsOf(read: Read, path: string): Promise<string[]> {
  const tail = await tailOf(read, path);
  const lines: string[] = [];
  if (tail === 0) return lines;
  const afterOffset = tail > LOGS_SHOWN ? tail - LOGS_SHOWN : "start";
  for await (const { payload } of read({ path, afterOffset, types: "processor/logged" })) {
    lines.push(`${payload.level}${payload.offset ? ` (event ${payload.offset})` : ""}: ${payload.message}`);
  }
  return lines;
}

/** The newest offset of a stream that may not be there, without reading all of it. */
async function tailOf(read: Read, path: string): Promise<number> {
  const has = async (offset: number) => {
    try {
      return (await one(read, offset, path)) !== undefined;
    } catch {
      return false;
    }
  };
  let above = 1;
  while (await has(above)) above *= 2;
  let below = above >> 1;
  while (above - below > 1) {
    const middle = (above + below) >> 1;
    if (await has(middle)) below = middle;
    else above = middle;
  }
  return below;
}
