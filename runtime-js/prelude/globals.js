// The globals of an isolate. Nearly all of them are made when they are first touched: until then a placeholder stands for
// each, and globals.rs says which part of the prelude has it.

export default function installGlobals(native, host) {
  const { defineProperty } = Reflect;
  const parts = { __proto__: null };
  const groups = { __proto__: null };
  const { Math } = globalThis;
  /** Those that have members which wait, by the names that globals.rs has for them. */
  const owners = { __proto__: null, globalThis, Math, Number: Number.prototype, BigInt: BigInt.prototype, String: String.prototype };
  // As the engine made them, before placeholders take their names.
  const nativeQueueMicrotask = queueMicrotask;
  const nativeRandom = Math.random;
  let environment = "{}";

  function part(name) {
    return (parts[name] ??= native.part(name)(native, tools));
  }

  /** Called for what waits and is read, or has a value written to it. */
  function touched(owner, from, name, asked, ...given) {
    const object = owners[owner];
    // What inherits from an owner gets a member of its own, as it would from any member with a value.
    if (given.length > 0 && asked !== undefined && asked !== object) {
      return defineProperty(asked, name, { __proto__: null, value: given[0], writable: true, enumerable: true, configurable: true });
    }
    const lasting = from === "scope" ? part(from).accessors[name] : undefined;
    if (lasting) {
      defineProperty(object, name, lasting);
      return given.length > 0 ? lasting.set(given[0]) : lasting.get();
    }
    const value = given.length > 0 ? given[0] : object === globalThis ? part(from)[name] : part(from)[owner][name];
    defineProperty(object, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
    return value;
  }

  /** Whether a script listens to such events of the global object. */
  function isHeard(name) {
    const { events } = parts;
    return events !== undefined && events.listens(events.scope, name);
  }

  /** Whether the script takes on an error that nothing caught. */
  const caught = (error) => isHeard("error") && part("scope").caught(error);

  const tools = {
    ...host,
    owners,
    nativeRandom,
    caught,
    /** Calls what nobody waits for. */
    guarded(callback, values) {
      try {
        callback(...values);
      } catch (error) {
        if (!caught(error)) throw error;
      }
    },
    part,
    /** What Rust does for one group of parts. */
    natives: (name) => (groups[name] ??= native.group(name)),
    /** A part if something has touched it: what it makes cannot exist before. */
    loaded: (name) => parts[name],
    /** What `import` and `require` of `node:<name>` give. */
    builtin: (name) => part(`node/${name}`),
    environment: () => (typeof environment === "string" ? (environment = JSON.parse(environment)) : environment),
    microtask: (callback) => nativeQueueMicrotask(callback),
  };
  native.setBuiltins((name) => (name === "millrace/sdk" ? part("sdk") : tools.builtin(name)));
  native.addPlaceholders(owners, touched);
  const itself = { __proto__: null, value: globalThis, writable: true, enumerable: false, configurable: true };
  defineProperty(globalThis, "self", itself);
  defineProperty(globalThis, "global", itself);

  return {
    part,
    format(values) {
      if (values.every((value) => typeof value === "string" && !value.includes("%"))) return values.join(" ");
      return part("inspect").format(values);
    },
    /** Called by the host of a promise that nobody handled: 0 when nobody hears of it, 2 when a listener takes it on. */
    rejected(promise, reason) {
      if (!isHeard("unhandledrejection")) return 0;
      return part("scope").rejected(promise, reason) ? 2 : 1;
    },
    /** And when such a one is handled after all. */
    handled: (promise, reason) => parts.scope?.handled(promise, reason),
    /** Called by the host when a timer is due. */
    fire: (id) => part("timers").fire(id),
    /** Called by the host with what came over the network, and when that took too long. */
    receive: (id, text, bytes) => part("fetch/network").receive(id, text, bytes),
    expire: (id, message) => part("fetch/network").expire(id, message),
    /** What a hook, or without one the whole isolate, has under way on the network is to end. */
    disconnect: (hook, reason) => parts["fetch/network"]?.abort(hook, reason),
    setEnvironment(text) {
      environment = text;
    },
  };
}
