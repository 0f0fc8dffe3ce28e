// The built-in module `millrace` (also `ai-engineer-workshop`, as the original's first clients spell it). The package of
// that name on npm has the same function, and the tests of both are the same rows.

/** Names a processor. A factory is called once; an object is taken as it is, but for its `events`. */
export function defineProcessor(definition) {
  const found = typeof definition === "function" ? definition() : definition;
  return found?.events ? looking(found, found.events) : found;
}

/** The same processor, whose hooks see what `events` names and nothing else. */
function looking(found, events) {
  const { events: _, ...processor } = found;
  // Told by the hook that comes last, so that it is told once.
  const last = found.afterAppend ? "afterAppend" : found.onEvent ? "onEvent" : "reduce";
  for (const name of ["reduce", "afterAppend", "onEvent"]) {
    const hook = found[name];
    if (!hook) continue;
    processor[name] = (context) => {
      const event = fitting(events, context.event, name === last ? context.logger : undefined);
      if (event === undefined) return;
      if (event === context.event) return hook.call(found, context);
      return hook.call(found, Object.create(context, { event: { value: event, enumerable: true } }));
    };
  }
  return processor;
}

function fitting(events, event, logger) {
  if (!Object.hasOwn(events, event.type)) return undefined;
  const schema = events[event.type];
  if (schema === true || schema === undefined) return event;
  const result = schema["~standard"].validate(event.payload);
  if (typeof result.then === "function") {
    result.then(undefined, () => {});
    throw new TypeError("a schema of `events` checks asynchronously, and `reduce` cannot wait: use one that does not");
  }
  if (result.issues) {
    logger?.warn(`\`${event.type}\` at offset ${event.offset} does not fit its schema and is passed over: ${result.issues.map(describe).join("; ")}`);
    return undefined;
  }
  return { ...event, payload: result.value };
}

const describe = ({ message, path }) => (path?.length ? `${path.map((step) => String(step?.key ?? step)).join(".")}: ${message}` : message);
