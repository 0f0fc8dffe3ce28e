// Whether a candidate may act: it is bundled, its types are checked, and it runs over the recent history beside the
// version that it is to replace.

import type { JsonObject } from "millrace";
import { describe, type Scene } from "./evidence";
import { fingerprintOf, payloadOf } from "./failure";
import { run, type Simulate, type Simulated } from "./simulate";
import { candidateOf, canonical, codeOf, textsOf, type Candidate } from "./source";

/** So many of the newest events are acted on; those before are reduced. */
const EVENTS_REHEARSED = 300;
const SHOWN_CHARS = 600;

export interface Place {
  path: string;
  /** The event that failed there. */
  failing?: number;
}

/**
 * The processor as it fails: what it did right must stay so. A version that hangs is run up to where it does. For a source
 * that has never run it is the version before, where there is one.
 */
export async function rehearse(simulate: Simulate, { slug, source, told, failure }: Scene, path: string): Promise<Simulated | undefined> {
  const payload = payloadOf(told);
  if (isNew({ failure, told })) return await running(simulate, slug, path);
  const place = placeOf({ failure }, path);
  const hangs = payload.reason !== "exception" && place.failing !== undefined;
  const range = hangs ? { beforeOffset: place.failing } : {};
  // A stream below runs it without having it configured.
  const code = place.path === path ? {} : codeFor(candidateOf(source, textsOf(codeOf(source))));
  return await run(simulate, { ...code, path: place.path, slug, ...from(place), ...range });
}

/** What does not compile or load is meant to differ from what ran before it. */
function isNew({ failure, told }: Pick<Scene, "failure" | "told">): boolean {
  return failure.kind === "compile" || payloadOf(told).phase === "load";
}

async function running(simulate: Simulate, slug: string, path: string): Promise<Simulated | undefined> {
  try {
    return await run(simulate, { path, slug });
  } catch (error) {
    if (/has no processor/.test(String(error))) return;
    throw error;
  }
}

export function placeOf({ failure }: Pick<Scene, "failure">, path: string): Place {
  const { cause } = failure;
  return cause ? { path: cause.streamPath, failing: cause.offset } : { path };
}

function from({ failing }: Place): JsonObject {
  const after = (failing ?? 0) - EVENTS_REHEARSED;
  return after > 0 ? { afterOffset: after } : {};
}

/** Why the candidate may not act; nothing when it may. */
export async function check(
  simulate: Simulate,
  scene: Scene,
  candidate: Candidate,
  changes: string | null,
  path: string,
): Promise<string | undefined> {
  const place = placeOf(scene, path);
  const code = codeFor(candidate);
  const types = code.files && code.typecheck !== "off" ? { typecheck: "report" } : {};
  const after = await run(simulate, { ...code, ...types, slug: scene.slug, path: place.path, ...from(place) });
  const wrong = broken(after, scene, place) ?? typeErrors(after, scene, candidate);
  if (wrong || changes || !scene.before) return wrong;
  return isNew(scene) ? silent(scene.before, after) : unlike(scene.before, after, place);
}

function codeFor({ payload }: Candidate): JsonObject {
  const { slug, redeliverFailed, includeChildren, ...code } = payload;
  return code;
}

function broken(after: Simulated, { before, told }: Scene, { failing }: Place): string | undefined {
  if (after.outcome === "compile-failed") return `it does not compile: ${describe({ stage: after.stage, diagnostics: after.diagnostics })}`;
  if (after.outcome === "load-failed") return `it does not load: ${describe(after.failures[0] ?? {})}`;
  const known = new Set(before?.failures.map(placeOfFailure));
  const asked = new Set(after.fetches.map(({ causeOffset }) => String(causeOffset)));
  const original = fingerprintOf(payloadOf(told));
  for (const failure of after.failures) {
    const at = placeOfFailure(failure);
    const isSame = fingerprintOf(failure) === original;
    if (failing === undefined && isSame) return `it still fails, with the same error: ${describe(failure)}`;
    if (at === String(failing) && (isSame || !asked.has(at))) {
      return `event ${failing} still fails${isSame ? ", with the same error" : ""}: ${describe(failure)}`;
    }
    // Behind a request whose answer is made up, a failure proves nothing.
    if (!known.has(at) && !asked.has(at)) return `it fails on event ${at}, which did not fail before: ${describe(failure)}`;
  }
  return after.cut && `it could not be run over the history: ${after.cut}`;
}

function placeOfFailure(failure: JsonObject): string {
  return String(failure.cause?.offset ?? null);
}

/**
 * Those that the source has already are not held against its repair, unless they are what is to be repaired. Nobody has
 * looked for any in what did not compile: there, those count that stand on lines of the repair.
 */
function typeErrors(after: Simulated, { source, failure, typeErrors }: Scene, { payload }: Candidate): string | undefined {
  const all = (after.diagnostics ?? []).filter((it) => it.severity !== "warning");
  const texts = textsOf(codeOf(source));
  const isOfRepair = ({ file, line }: JsonObject) => {
    const text = payload.files?.[file]?.split("\n")[line - 1];
    return text === undefined || !(texts[file] ?? "").split("\n").includes(text);
  };
  const isLenient = failure.kind === "compile" && payload.typecheck !== "require";
  const errors = isLenient ? all.filter(isOfRepair) : all;
  const before = payload.typecheck === "require" ? 0 : failure.kind === "types" ? typeErrors - 1 : typeErrors;
  if (errors.length <= before) return;
  return `it has ${errors.length} type errors: ${describe({ diagnostics: errors })}`;
}

/** A new source may do anything but nothing at all. */
function silent(before: Simulated, after: Simulated): string | undefined {
  const [was, is] = [before, after].map((it) => it.appends.length + it.fetches.length);
  if (is || !was) return;
  return `it does nothing with any event, and the version that runs now does, as ${list(before.appends.slice(0, 2).map((it) => `${it.path} ${it.event.type}`))}`;
}

/** Where the candidate does otherwise than before, with events that did not fail. */
function unlike(before: Simulated, after: Simulated, { failing }: Place): string | undefined {
  const failed = new Set(before.failures.map(placeOfFailure));
  if (failing !== undefined) failed.add(String(failing));
  const reduceFailed = before.failures.filter((it) => it.phase === "reduce").map((it) => it.cause?.offset ?? 0);
  // From the first event on that changes nothing for want of a working reduce, states rightly differ.
  const until = Math.min(before.range.lastOffset + 1, ...reduceFailed);
  return unlikeStates(before, after, until) ?? unlikeAppends(before, after, failed, until) ?? unlikeFetches(before, after, failed);
}

function unlikeStates(before: Simulated, after: Simulated, until: number): string | undefined {
  const upTo = (run: Simulated) => new Map(run.states.filter((it) => it.offset < until).map((it) => [it.offset, canonical(it.state)]));
  const [was, is] = [upTo(before), upTo(after)];
  for (const offset of [...new Set([...was.keys(), ...is.keys()])].sort((a, b) => a - b)) {
    const [one, other] = [was.get(offset), is.get(offset)];
    if (one === other) continue;
    return `after event ${offset} its state is otherwise than before: it was ${shown(one)}, and would be ${shown(other)}`;
  }
  return;
}

function unlikeAppends(before: Simulated, after: Simulated, failed: Set<string>, until: number): string | undefined {
  // What differs from one run of the same code to the next, as the time of day does, is compared by its type only.
  const changed = before.difference?.appends.changed.first ?? [];
  const volatile = new Set(changed.map((it) => `${it.causeOffset} ${it.type}`));
  const key = ({ causeOffset, path, event }: Simulated["appends"][number]) => {
    const isLoose = volatile.has(`${causeOffset} ${event.type}`) || (causeOffset ?? 0) >= until;
    return `${path} ${event.type}${isLoose ? "" : ` ${canonical(event.payload ?? {})}`}`;
  };
  const isCompared = ({ causeOffset }: { causeOffset: number | null }) =>
    causeOffset !== null && !failed.has(String(causeOffset)) && causeOffset <= before.range.lastOffset;
  const listed = (run: Simulated) => {
    const lists = new Map<number, string[]>();
    for (const append of run.appends.filter(isCompared)) {
      const at = append.causeOffset!;
      lists.set(at, [...(lists.get(at) ?? []), key(append)]);
    }
    return lists;
  };
  const [was, is] = [listed(before), listed(after)];
  for (const offset of [...new Set([...was.keys(), ...is.keys()])].sort((a, b) => a - b)) {
    const [one, other] = [(was.get(offset) ?? []).sort(), (is.get(offset) ?? []).sort()];
    if (one.join("\n") === other.join("\n")) continue;
    return `in reaction to event ${offset} it appended ${list(one)}, and would append ${list(other)}`;
  }
  return;
}

/** What was sent is not sent any more; queries and bodies may well be of the day. */
function unlikeFetches(before: Simulated, after: Simulated, failed: Set<string>): string | undefined {
  const key = ({ causeOffset, method, url }: Simulated["fetches"][number]) => `${causeOffset} ${method} ${url.replace(/[?#].*$/, "")}`;
  const sent = new Set(after.fetches.map(key));
  const reached = (it: { causeOffset: number | null }) => it.causeOffset !== null && !failed.has(String(it.causeOffset));
  const missing = before.fetches.find((it) => reached(it) && !sent.has(key(it)));
  return missing && `in reaction to event ${missing.causeOffset} it sent ${missing.method} ${missing.url}, and would not`;
}

function list(appends: string[]): string {
  return appends.length ? shown(appends.join("; ")) : "nothing";
}

function shown(text: string | undefined): string {
  if (text === undefined) return "unchanged";
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
