// The built-in module `millrace` (also `ai-engineer-workshop`, as the original's first clients spell it). The package of
// that name on npm has the same names, and the tests of both are the same rows. What few processors use, the client and
// the runtimes, is a part of its own (sdk.js) that is loaded when one of its names is first touched.

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

/** In an isolate no module is the program. */
export const isMainModule = () => false;
export const runIfMain = () => {};
export const runWorkshopMain = () => {};

const { sdk } = import.meta;

/** A function, a class or an object that is not there until it is touched. */
function later(name) {
  const behind = () => sdk()[name];
  const proxy = new Proxy(function () {}, {
    apply: (_, self, given) => Reflect.apply(behind(), self, given),
    construct: (_, given, target) => Reflect.construct(behind(), given, target === proxy ? behind() : target),
    get: (_, key) => Reflect.get(behind(), key),
    has: (_, key) => Reflect.has(behind(), key),
    getPrototypeOf: () => Reflect.getPrototypeOf(behind()),
  });
  return proxy;
}

export const HookFailure = later("HookFailure");
export const MillraceError = later("MillraceError");
export const GenericEventInputSchema = later("GenericEventInputSchema");
export const PullProcessorRuntime = later("PullProcessorRuntime");
export const PullSubscriptionPatternProcessorRuntime = later("PullSubscriptionPatternProcessorRuntime");
export const PullSubscriptionProcessorRuntime = later("PullSubscriptionProcessorRuntime");
export const PushProcessorRuntime = later("PushProcessorRuntime");
export const PushSubscriptionProcessorRuntime = later("PushSubscriptionProcessorRuntime");
export const createEventsClient = later("createEventsClient");
export const createWorkshopLogger = later("createWorkshopLogger");
export const createWorkshopTestHarness = later("createWorkshopTestHarness");
export const getDefaultWorkshopPathPrefix = later("getDefaultWorkshopPathPrefix");
export const getDiscoveredStreamPath = later("getDiscoveredStreamPath");
export const matchesStreamPattern = later("matchesStreamPattern");
export const normalizePathPrefix = later("normalizePathPrefix");
export const normalizeStreamPattern = later("normalizeStreamPattern");
export const os = later("os");
export const useProcessorTestHarness = later("useProcessorTestHarness");
export const workshopLogger = later("workshopLogger");
export const workshopPathPrefix = later("workshopPathPrefix");
