// The globals of an isolate. Nearly all of them are made when they are first touched: until then a placeholder stands for
// each, and globals.rs says which part of the prelude has it.

export default function installGlobals(native, tools) {
  const { defineProperty } = Reflect;
  const parts = { __proto__: null };
  const groups = { __proto__: null };
  const { Math } = globalThis;
  /** Those that have members which wait, by the names that globals.rs has for them. */
  const owners = { __proto__: null, globalThis, Math, Number: Number.prototype, BigInt: BigInt.prototype, String: String.prototype };
  // As the engine made it, before a placeholder takes its name.
  const nativeQueueMicrotask = queueMicrotask;

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

  tools.owners = owners;
  tools.nativeRandom = Math.random;
  tools.part = part;
  /** What Rust does for one group of parts. */
  tools.natives = (name) => (groups[name] ??= native.group(name));
  /** A part if something has touched it: what it makes cannot exist before. */
  tools.loaded = (name) => parts[name];
  /** What `import` and `require` of `node:<name>` give. */
  tools.builtin = (name) => (name === "millrace/sdk" ? part("sdk") : part(`node/${name}`));
  tools.microtask = (callback) => nativeQueueMicrotask(callback);
  native.setBuiltins(tools.builtin);
  native.addPlaceholders(owners, touched);
  const itself = { __proto__: null, value: globalThis, writable: true, enumerable: false, configurable: true };
  defineProperty(globalThis, "self", itself);
  defineProperty(globalThis, "global", itself);
  return tools;
}
