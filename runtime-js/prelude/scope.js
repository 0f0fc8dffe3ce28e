// What the global object hears of: errors that nothing caught, and promises whose rejection nobody handled. A listener
// that prevents the default has taken it on itself; everything else is the host's to tell.

export default function globalScope(native, tools) {
  const { ErrorEvent, PromiseRejectionEvent, scope, fire, listens } = tools.part("events");
  const { needs } = tools.part("idl");
  const { apply } = Reflect;
  /** The promises that listeners were told of. */
  const told = new WeakSet();
  const handlers = {};
  let telling = false;

  /** Where an error was made, as its stack has it. */
  function placeOf(error) {
    const found = error instanceof Error ? /([^\s()]+):(\d+):(\d+)\)?$/m.exec(`${error.stack}`) : null;
    return found ? { filename: found[1], lineno: +found[2], colno: +found[3] } : {};
  }

  function messageOf(error) {
    if (error instanceof Error) return `${error.name}: ${error.message}`;
    return typeof error === "object" && error !== null ? "an object was thrown" : String(error);
  }

  /** Whether a listener has taken on an error that nothing caught. What throws meanwhile is not for listeners again. */
  function caught(error) {
    if (telling || !listens(scope, "error")) return false;
    telling = true;
    try {
      const event = new ErrorEvent("error", { cancelable: true, message: messageOf(error), ...placeOf(error), error });
      fire(scope, event);
      return event.defaultPrevented;
    } finally {
      telling = false;
    }
  }

  /** The same of a promise that was rejected. */
  function rejected(promise, reason) {
    told.add(promise);
    const event = new PromiseRejectionEvent("unhandledrejection", { cancelable: true, promise, reason });
    fire(scope, event);
    return event.defaultPrevented;
  }

  /** Of a promise that is handled after all. */
  function handled(promise, reason) {
    if (told.delete(promise)) fire(scope, new PromiseRejectionEvent("rejectionhandled", { promise, reason }));
  }

  function reportError(error) {
    needs(1, arguments, "reportError");
    if (!caught(error)) Promise.reject(error);
  }

  /** The `on<name>` of the global object: one listener, which stays at its place when it is replaced. */
  function setHandler(name, value) {
    const handler = typeof value === "function" ? value : null;
    if (handlers[name]) handlers[name].handler = handler;
    if (handlers[name] || !handler) return;
    const held = (handlers[name] = { handler });
    scope.addEventListener(name, (event) => {
      if (!held.handler) return;
      // The one for errors is older than events: it takes their parts, and says with `true` what others say with `false`.
      const isError = name === "error";
      const given = isError ? [event.message, event.filename, event.lineno, event.colno, event.error] : [event];
      if (apply(held.handler, globalThis, given) === isError) event.preventDefault();
    });
  }

  const accessors = {};
  for (const name of ["error", "rejectionhandled", "unhandledrejection"]) {
    accessors[`on${name}`] = {
      get: () => handlers[name]?.handler ?? null,
      set: (value) => setHandler(name, value),
      enumerable: false,
      configurable: true,
    };
  }
  return { reportError, caught, rejected, handled, accessors };
}
