// What nothing caught: listeners of the global object may take it on. Loaded with the first timer, event or rejection.

export default function uncaught(native, tools) {
  /** Whether a script listens to such events of the global object. */
  function isHeard(name) {
    const events = tools.loaded("events");
    return events !== undefined && events.listens(events.scope, name);
  }

  /** Whether the script takes on an error that nothing caught. */
  const caught = (error) => isHeard("error") && tools.part("scope").caught(error);

  return {
    caught,
    /** Calls what nobody waits for. */
    guarded(callback, values) {
      try {
        callback(...values);
      } catch (error) {
        if (!caught(error)) throw error;
      }
    },
    /** Called by the host of a promise that nobody handled: 0 when nobody hears of it, 2 when a listener takes it on. */
    rejected(promise, reason) {
      if (!isHeard("unhandledrejection")) return 0;
      return tools.part("scope").rejected(promise, reason) ? 2 : 1;
    },
    /** And when such a one is handled after all. */
    handled: (promise, reason) => tools.loaded("scope")?.handled(promise, reason),
  };
}
