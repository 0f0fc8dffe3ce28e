// fixer: a processor that repairs processors. It reacts when another processor of its stream does not compile, fails or is
// suspended: it gathers what there is to know, asks a model for a repair, runs the answer over the recent history, and
// only when that goes well appends the repaired source. The work that had failed is then done. Every step is an event.
//
//   millrace secrets set MODEL_KEY --host api.example.com
//   millrace fixer enable /shop --base-url https://api.example.com/v1 --model NAME --secret MODEL_KEY
//   millrace tail /shop --follow
//
// or by hand, which without a model ends in `fixer/gave-up`:
//
//   millrace deploy examples/fixer --stream /examples/fixer --wait
//   millrace append /examples/fixer - < examples/fixer/input.jsonl
//
// Set FIXER_BASE_URL and FIXER_MODEL (and FIXER_SECRET, the name of a secret; FIXER_API, `openai` or `anthropic`;
// FIXER_TIMEOUT_SECONDS) with `processor/env-var-set`, and append `fixer/configured {mode: "apply" | "propose", maxAttempts, maxTokens, cooldownSeconds,
// slugs, typeErrors}`, all of which may be left out.
//
// Expect, for a processor that fails: `fixer/asked`, `fixer/answered`, and then `processor/source-configured` with
// `metadata {fixes, attempt, reason, confidence, model, tokens}`; or `fixer/attempted {outcome, reason}` and the next attempt;
// or, in the mode `propose`, `fixer/proposed {diff}`, which waits for `fixer/approved {offset}`; in the end perhaps
// `fixer/gave-up {reason, attempts}`. A repair that does worse than what it replaced is taken back: `fixer/rolled-back`.
//
// `bench/` has broken processors, and `millrace fixer bench examples/fixer/bench` a model repair them.

import { defineProcessor, type Event, type Read } from "millrace";
import { one } from "./evidence";
import type { Failure } from "./failure";
import { initialState, reduce, type Lineage, type State } from "./lineage";
import { Repair, isCurrent, type Context } from "./repair";
import { rollBack, worseThan } from "./watch";

const FAILURES = [
  "processor/compile-failed",
  "processor/failed",
  "processor/suspended",
  "processor/type-errors-found",
  "fixer/failure-reported",
];

/** Behind each of these there is more to do. */
const STEPS = ["fixer/answered", "fixer/attempted"];

/** What says that a failure from before is to be looked at now. */
const DUE = ["fixer/cooled-down", "fixer/failure-noticed"];

export default defineProcessor<State>({
  initialState,

  reduce: ({ event, state }) => reduce(state, event),

  async afterAppend(given) {
    const context = given as Context;
    const { event, stream } = context;
    const { slug } = event.payload;
    const isFailure = FAILURES.includes(event.type) || DUE.includes(event.type);
    const isNews = isFailure || STEPS.includes(event.type) || event.type === "fixer/approved";
    if (!isNews || slug === stream.slug) return;
    if (event.payload.configuredOn) return report(context);
    const state = await present(context.state, event, context.read);
    if (event.type === "fixer/approved") return approve(context, state);
    if (STEPS.includes(event.type)) return goOn(context, state);
    return begin(context, state);
  },

  /** What had failed before there was a fixer is not acted on as history: it is noted, as something new. */
  async onCaughtUp({ append, state, stream }) {
    for (const [slug, { lineage, failures, sources }] of Object.entries(state.processors)) {
      const failure = failures.find((it) => it.offset === lineage.chain) ?? failures.at(-1);
      const isOpen = lineage.closed === undefined && lineage.proposal === undefined;
      if (!failure || !isOpen || slug === stream.slug || failure.source !== sources.at(-1)?.offset) continue;
      const idempotencyKey = `${stream.slug}/${slug}/${lineage.root}/${failure.offset}/noticed/${lineage.attempts.length}`;
      await append({ type: "fixer/failure-noticed", payload: { slug, fixes: failure.offset }, idempotencyKey });
    }
  },
});

/** The state with all that has happened since the event: it may be long ago. */
async function present(state: State, event: Event, read: Read): Promise<State> {
  for await (const later of read({ afterOffset: event.offset })) state = reduce(state, later);
  return state;
}

/** A processor that was configured further up is repaired there, once for all streams below. */
async function report({ event, append, stream }: Context): Promise<void> {
  if (event.type !== "processor/failed") return;
  const { configuredOn, ...failure } = event.payload;
  const payload = { slug: failure.slug, failure: { ...failure, configuredOn }, on: { streamPath: stream.path, offset: event.offset } };
  const idempotencyKey = `${stream.slug}/${stream.path}/${event.offset}`;
  await append({ path: configuredOn.streamPath, event: { type: "fixer/failure-reported", payload, idempotencyKey } });
}

/** A failure is the beginning of attempts, unless there are some already or nobody wants them. */
async function begin(context: Context, state: State): Promise<void> {
  const { event } = context;
  const { slug } = event.payload;
  const tracked = state.processors[slug];
  // As it was seen when it happened: what it is a failure of may have been replaced since.
  const known = context.state.processors[slug]?.failures ?? [];
  const failure = DUE.includes(event.type) ? at(known, event.payload.fixes) : known.at(-1);
  if (!tracked || !failure || !isCurrent(tracked, failure) || !isWanted(state, slug, failure.kind)) return;
  const { lineage } = tracked;
  if (lineage.closed !== undefined || lineage.proposal !== undefined) return;
  if (lineage.chain !== undefined && lineage.chain !== failure.offset) return;
  const repair = new Repair(context, state, slug, tracked, failure);
  if (lineage.chain === undefined) {
    const better = failure.kind === "failed" ? worseThan(state, tracked) : undefined;
    if (better) return rollBack(context, slug, tracked, failure, better);
    if (lineage.fixed.some((it) => it.fingerprint === failure.fingerprint)) {
      return repair.giveUp("the error that was repaired is back, unchanged");
    }
    const wait = cooling(state, lineage.appliedAt, event);
    if (wait > 0) return coolDown(context, slug, failure.offset, wait);
  }
  await repair.attempt(nextOf(lineage));
}

/** The attempt that is under way, or the one behind the last. */
function nextOf({ attempts }: Lineage): number {
  const open = attempts.find((it) => it.outcome === "asked" || it.outcome === "answered");
  return open?.attempt ?? attempts.length + 1;
}

/** The check of an answer, or the attempt behind one that came to nothing. */
async function goOn(context: Context, state: State): Promise<void> {
  const { type, payload } = context.event;
  const { slug, fixes, attempt } = payload;
  const tracked = state.processors[slug];
  const failure = at(tracked?.failures ?? [], fixes);
  if (!tracked || !failure || !isCurrent(tracked, failure) || tracked.lineage.closed !== undefined) return;
  await new Repair(context, state, slug, tracked, failure).attempt(type === "fixer/answered" ? attempt : attempt + 1);
}

async function approve(context: Context, state: State): Promise<void> {
  const { offset } = context.event.payload;
  const proposal = await one(context.read, offset);
  const slug = state.proposals[offset];
  const tracked = slug === undefined ? undefined : state.processors[slug];
  const failure = at(tracked?.failures ?? [], proposal?.payload.fixes);
  if (slug === undefined || !tracked || !failure || !proposal || tracked.lineage.proposal !== offset) {
    const reason = proposal?.type === "fixer/proposed" ? "what it was to replace does not run any more" : "no proposal stands there";
    await context.append({ type: "fixer/approval-ignored", payload: { offset, reason } });
    return;
  }
  await new Repair(context, state, slug, tracked, failure).applyProposal(proposal);
}

function at(failures: Failure[], offset: number): Failure | undefined {
  return failures.find((it) => it.offset === offset);
}

function isWanted({ settings, fixers }: State, slug: string, kind: string): boolean {
  if (fixers.includes(slug) || (kind === "types" && !settings.typeErrors)) return false;
  return settings.slugs?.includes(slug) ?? true;
}

/** Seconds until the processor may be repaired again. */
function cooling({ settings }: State, appliedAt: string | undefined, { createdAt }: Event): number {
  if (appliedAt === undefined) return 0;
  return settings.cooldownSeconds - (Date.parse(createdAt) - Date.parse(appliedAt)) / 1000;
}

async function coolDown({ append }: Context, slug: string, fixes: number, seconds: number): Promise<void> {
  const event = { type: "fixer/cooled-down", payload: { slug, fixes } };
  const payload = { slug: `fixer-${slug}`.slice(0, 64), append: event, schedule: { kind: "once-in", delaySeconds: Math.ceil(seconds) } };
  await append({ type: "schedule/configured", payload });
}
