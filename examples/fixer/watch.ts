// What has been repaired is watched: a version that fails on more of its events than the one before is taken back.

import type { EventInput } from "millrace";
import { one } from "./evidence";
import type { Failure } from "./failure";
import { newest, type Source, type State, type Tracked } from "./lineage";
import type { Context } from "./repair";
import { codeOf, candidateOf, configuring, textsOf } from "./source";

/** The version to go back to, when the newest is a repair that does worse. */
export function worseThan(state: State, tracked: Tracked): Source | undefined {
  const now = newest(tracked);
  if (!now.repaired || now.activatedAt === undefined) return;
  const before = tracked.sources.filter((it) => it.offset < now.offset && it.activatedAt !== undefined && !it.worse).at(-1);
  return before && rate(now, state.seen) > rate(before, before.replacedAt ?? state.seen) ? before : undefined;
}

/** Failures for each event since it was active; the work that was done again counts as one event. */
function rate({ failures, activatedAt = 0 }: Source, until: number): number {
  return failures / Math.max(1, until - activatedAt);
}

export async function rollBack(context: Context, slug: string, tracked: Tracked, failure: Failure, to: Source): Promise<void> {
  const { append, read, stream } = context;
  const from = newest(tracked).offset;
  const source = await one(read, to.offset);
  if (!source) return;
  const key = `${stream.slug}/${slug}/${tracked.lineage.root}/${from}`;
  const metadata = { fixes: failure.offset, rolledBackFrom: from, rolledBackTo: to.offset };
  const reason = "the repaired version fails on more of its events than the one before";
  const event: EventInput = {
    type: "fixer/rolled-back",
    payload: { slug, fixes: failure.offset, from, to: to.offset, reason },
    idempotencyKey: `${key}/rolled-back`,
  };
  const { payload, ...rest } = configuring(candidateOf(source, textsOf(codeOf(source))), metadata, `${key}/back`);
  // The version that it goes back to would fail on the same event again.
  await append({ ...rest, payload: { ...payload, redeliverFailed: false } });
  await append(event);
}
