// `defineProcessor` without an import, as the module `millrace` exports it.

export default () => ({
  defineProcessor: (definition) => (typeof definition === "function" ? definition() : definition),
});
