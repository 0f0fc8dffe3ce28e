// defineProcessor: names a processor, gives it its types, and puts payloads through the schemas of `events`. Isolates
// have the same function of their own.

import type { Event } from "./event.ts";
import type { Definition, EventSchemas, Filled, Hooks, Logger, Processor, UntypedState } from "./processor.ts";
import { describeIssues, validate } from "./schema.ts";

/** Names a processor. A factory is called once; an object is taken as it is, but for its `events`. */
export function defineProcessor<Initial = UntypedState, const Schemas extends EventSchemas = {}>(
  definition: Definition<Initial, Schemas> | (() => Definition<Initial, Schemas>),
): Processor<Filled<Initial>> {
  const defined = typeof definition === "function" ? definition() : definition;
  const found = defined as Processor<Filled<Initial>> & { events?: Schemas };
  return found?.events ? looking(found, found.events) : found;
}

/** The same processor, whose hooks see what `events` names and nothing else. */
function looking<State>(found: Processor<State> & { events?: EventSchemas }, events: EventSchemas): Processor<State> {
  const { events: _, ...processor } = found;
  /** Told by the hook that comes last, so that it is told once. */
  const last = found.afterAppend ? "afterAppend" : found.onEvent ? "onEvent" : "reduce";
  for (const name of ["reduce", "afterAppend", "onEvent"] as const) {
    const hook = found[name] as Hooks<State>["reduce"];
    if (!hook) continue;
    processor[name] = (context: any) => {
      const event = fitting(events, context.event, name === last ? context.logger : undefined);
      if (event === undefined) return;
      if (event === context.event) return hook.call(found, context);
      // The rest of the context is made when it is first looked at, and stays so.
      return hook.call(found, Object.create(context, { event: { value: event, enumerable: true } }));
    };
  }
  return processor;
}

function fitting(events: EventSchemas, event: Event, logger: Logger | undefined): Event | undefined {
  if (!Object.hasOwn(events, event.type)) return undefined;
  const schema = events[event.type];
  if (schema === true || schema === undefined) return event;
  const result = validate(schema, event.payload);
  if (result.issues) {
    logger?.warn(
      `\`${event.type}\` at offset ${event.offset} does not fit its schema and is passed over: ${describeIssues(result.issues)}`,
    );
    return undefined;
  }
  return { ...event, payload: result.value as Event["payload"] };
}
