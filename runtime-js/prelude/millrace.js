// The built-in module `millrace` (also `ai-engineer-workshop`, as the original's first clients spell it).

/** Names a processor. A factory is called once; an object is taken as it is. */
export function defineProcessor(definition) {
  return typeof definition === "function" ? definition() : definition;
}
