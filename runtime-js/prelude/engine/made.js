// What the engine has of its own and makes only when it is asked to.

export default function engineMade(native, tools) {
  const engine = tools.natives("engine");
  const { defineProperty, deleteProperty, getOwnPropertyDescriptor } = Reflect;

  /** A class of the engine's. It makes that global as well, where a placeholder or something of a script's may stand. */
  function make(name) {
    const before = getOwnPropertyDescriptor(globalThis, name);
    const made = engine.make(name);
    if (before) defineProperty(globalThis, name, before);
    else deleteProperty(globalThis, name);
    return made;
  }
  return { make };
}
