// The fixer's memory, a pure function of the stream: each processor's sources, which version came of which, how it fails,
// and what was tried. A lineage begins with a source that somebody wrote and goes on with what the fixer makes of it.

import type { Event, JsonObject } from "millrace";
import { fingerprintOf, kindOf, payloadOf, type Failure } from "./failure";
import { defaults, settingsOf, type Settings } from "./settings";

const SOURCES_KEPT = 8;
const PROPOSALS_KEPT = 20;
const FAILURES_KEPT = 16;

export interface Source {
  offset: number;
  /** It was active, at this count of events. */
  activatedAt?: number;
  /** The count of events when another took its place. */
  replacedAt?: number;
  failures: number;
  typeErrors: number;
  /** A repair, and not the way back from one. */
  repaired?: boolean;
  /** A repair that was taken back. */
  worse?: boolean;
}

export interface Attempt {
  attempt: number;
  outcome: "asked" | "answered" | "unanswered" | "rejected" | "proposed" | "applied";
  /** The event of the model's answer. */
  answered?: number;
  why?: string;
}

export interface Lineage {
  /** The source that it began with. */
  root: number;
  attempts: Attempt[];
  /** Hashes of candidates. */
  tried: string[];
  /** Fingerprints of what was repaired, with the source that was to do it. */
  fixed: { fingerprint: string; source?: number }[];
  /** The failure that is being worked on. */
  chain?: number;
  proposal?: number;
  appliedAt?: string;
  closed?: string;
}

export interface Tracked {
  sources: Source[];
  /** By the offset of `processor/configured`: the source that it was built of. */
  builds: Record<string, number>;
  versions: Record<string, number>;
  lineage: Lineage;
  /** The last of its newest source. */
  failures: Failure[];
}

export interface State {
  settings: Settings;
  processors: Record<string, Tracked>;
  /** The offsets of proposals, and whose they are. */
  proposals: Record<string, string>;
  /** Processors that repair others. */
  fixers: string[];
  /** Events that are somebody's work. */
  seen: number;
}

export const initialState: State = { settings: defaults, processors: {}, proposals: {}, fixers: [], seen: 0 };

export function reduce(state: State, event: Event): State {
  const { type, payload } = event;
  if (type === "fixer/configured") return { ...state, settings: settingsOf(payload) };
  if (type.startsWith("fixer/")) return noteFixer(step(state, event), event);
  if (type.startsWith("processor/")) return step(state, event);
  return { ...state, seen: state.seen + 1 };
}

function noteFixer(state: State, event: Event): State {
  const by = event.source?.kind === "processor" ? event.source.slug : undefined;
  return by && !state.fixers.includes(by) ? { ...state, fixers: [...state.fixers, by] } : state;
}

function step(state: State, event: Event): State {
  const slug = event.payload.slug;
  if (typeof slug !== "string") return state;
  if (event.type === "processor/removed") {
    const { [slug]: _, ...processors } = state.processors;
    return { ...state, processors };
  }
  const next = track(state, state.processors[slug], event);
  if (!next) return state;
  const changed = { ...state, processors: { ...state.processors, [slug]: next } };
  if (event.type !== "fixer/proposed") return changed;
  return { ...changed, proposals: last({ ...state.proposals, [event.offset]: slug }, PROPOSALS_KEPT) };
}

function track(state: State, tracked: Tracked | undefined, event: Event): Tracked | undefined {
  const { type, payload, offset } = event;
  if (isSource(event)) return configured(state, tracked, event);
  if (!tracked) return;
  switch (type) {
    case "processor/configured":
      return { ...tracked, builds: last({ ...tracked.builds, [offset]: payload.bundle.sourceOffset }, SOURCES_KEPT) };
    case "processor/activated": {
      const source = tracked.builds[payload.configuredOffset] ?? payload.configuredOffset;
      const activatedAt = state.seen;
      const versions = last<number>({ ...tracked.versions, [payload.version]: source }, SOURCES_KEPT);
      return { ...withSource(tracked, source, (it) => ({ ...it, activatedAt: it.activatedAt ?? activatedAt })), versions };
    }
    case "processor/failed":
      // On a child's stream it is the concern of the stream that has the source.
      return payload.configuredOn ? undefined : failed(tracked, event);
    case "processor/compile-failed":
    case "processor/type-errors-found":
    case "fixer/failure-reported":
      return failed(tracked, event);
    default:
      return type.startsWith("fixer/") ? { ...tracked, lineage: tried(tracked.lineage, event) } : undefined;
  }
}

/** What the bundler makes of a source is no source. */
function isSource({ type, payload }: Event): boolean {
  if (type === "processor/source-configured") return true;
  return type === "processor/configured" && typeof payload.bundle?.sourceOffset !== "number";
}

function configured(state: State, tracked: Tracked | undefined, event: Event): Tracked {
  const { offset, metadata } = event;
  const goesOn = event.source?.kind === "processor" && typeof metadata?.fixes === "number";
  const back = goesOn ? metadata?.rolledBackFrom : undefined;
  const source: Source = { offset, failures: 0, typeErrors: 0, ...(goesOn && back === undefined && { repaired: true }) };
  const lineage: Lineage = { root: offset, attempts: [], tried: [], fixed: [] };
  if (!tracked) return { sources: [source], builds: {}, versions: {}, lineage, failures: [] };
  const sources = tracked.sources.map((it) => ({
    ...it,
    replacedAt: it.replacedAt ?? state.seen,
    ...(it.offset === back && { worse: true }),
  }));
  const next = { ...tracked, sources: [...sources, source].slice(-SOURCES_KEPT), failures: [] };
  if (!goesOn) return { ...next, lineage };
  return { ...next, lineage: applied(tracked.lineage, metadata!, event) };
}

function applied(lineage: Lineage, metadata: JsonObject, { offset, createdAt }: Event): Lineage {
  if (typeof metadata.rolledBackFrom === "number") {
    // What it was to repair is open again.
    const fixed = lineage.fixed.filter((it) => it.source !== metadata.rolledBackFrom);
    return { ...lineage, fixed, chain: undefined };
  }
  const fixed = [...lineage.fixed, { fingerprint: String(metadata.fingerprint), source: offset }];
  const attempts = noted(lineage.attempts, { attempt: metadata.attempt, outcome: "applied" });
  return { ...lineage, attempts, fixed, chain: undefined, proposal: undefined, appliedAt: createdAt };
}

function failed(tracked: Tracked, event: Event): Tracked {
  const payload = payloadOf(event);
  const kind = kindOf(event.type);
  const source = sourceOf(tracked, payload);
  const counted = withSource(tracked, source, (it) =>
    kind === "types" ? { ...it, typeErrors: payload.diagnostics.length } : { ...it, failures: it.failures + 1 },
  );
  const cause = payload.phase === "load" ? undefined : payload.cause;
  const fingerprint = fingerprintOf(payload);
  const failure: Failure = { offset: event.offset, kind, source, fingerprint, ...(cause && { cause }) };
  return { ...counted, failures: [...counted.failures, failure].slice(-FAILURES_KEPT) };
}

function sourceOf(tracked: Tracked, payload: JsonObject): number {
  if (typeof payload.sourceOffset === "number") return payload.sourceOffset;
  const at = payload.configuredOn?.offset ?? (payload.phase === "load" ? payload.cause?.offset : undefined);
  const known = tracked.sources.some((it) => it.offset === at);
  return tracked.builds[at] ?? (known ? at : undefined) ?? tracked.versions[payload.version] ?? newest(tracked).offset;
}

function tried(lineage: Lineage, { type, payload, offset }: Event): Lineage {
  const attempts = (attempt: Attempt) => noted(lineage.attempts, attempt);
  const { attempt } = payload;
  switch (type) {
    case "fixer/asked":
      return {
        ...lineage,
        chain: lineage.chain ?? payload.fixes,
        attempts: attempts({ attempt, outcome: "asked" }),
      };
    case "fixer/answered":
      return {
        ...lineage,
        attempts: attempts({ attempt, outcome: "answered", answered: offset }),
        tried: [...lineage.tried, payload.hash],
      };
    case "fixer/attempted":
      return { ...lineage, attempts: attempts({ attempt, outcome: payload.outcome, why: payload.reason }), proposal: undefined };
    case "fixer/proposed":
      return { ...lineage, attempts: attempts({ attempt, outcome: "proposed" }), proposal: offset };
    case "fixer/gave-up":
      return { ...lineage, closed: payload.reason, chain: undefined, proposal: undefined };
    default:
      return lineage;
  }
}

/** What is known of an attempt already stays. */
function noted(attempts: Attempt[], next: Attempt): Attempt[] {
  const before = attempts.find((it) => it.attempt === next.attempt);
  return [...attempts.filter((it) => it !== before), { ...before, ...next }];
}

export function newest(tracked: Tracked): Source {
  return tracked.sources[tracked.sources.length - 1]!;
}

function withSource(tracked: Tracked, offset: number, change: (source: Source) => Source): Tracked {
  return { ...tracked, sources: tracked.sources.map((it) => (it.offset === offset ? change(it) : it)) };
}

/** The last entries by number; object keys that are numbers come in their order. */
function last<T>(entries: Record<string, T>, count: number): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).slice(-count));
}
