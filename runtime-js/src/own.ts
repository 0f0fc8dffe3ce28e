// What a processor does not see, so that it cannot loop on itself: events of its own life cycle, and of its own failures.

import type { Event } from "./event.ts";

/** The names that the original gave to these types are good, too. */
const ORIGINAL = "https://events.iterate.com/events/";

export function isOwnLifecycle(event: Event, slug: string): boolean {
  const type = event.type.startsWith(ORIGINAL) ? event.type.slice(ORIGINAL.length) : event.type;
  if (type.startsWith("processor/") || type === "dynamic-worker/configured") return event.payload.slug === slug;
  return type === "stream/error-occurred" && event.metadata?.processor === slug;
}

export function isCreation(event: Event): boolean {
  return event.type === "stream/child-created" || event.type === `${ORIGINAL}stream/child-stream-created`;
}

const SLUG = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** A processor's name within a stream. */
export function slugOf(given: string | undefined): string {
  if (given === undefined) throw new TypeError("the processor has no name: give it a `slug`, or name one beside it");
  if (!SLUG.test(given))
    throw new TypeError(`slug ${JSON.stringify(given)} must be made of a-z, 0-9, _ and -, 64 characters at most`);
  return given;
}
