// require: for bundles of CommonJS packages, which ask for Node's modules as they run.

export default function requiring(native, tools) {
  function require(specifier) {
    const name = `${specifier}`.replace(/^node:/, "");
    if (tools.natives("modules").isBuiltin(name)) return tools.builtin(name);
    const error = new Error(`cannot find module ${JSON.stringify(specifier)}: packages are bundled, and of Node's modules it is not one that processors have`);
    error.code = "MODULE_NOT_FOUND";
    throw error;
  }
  return { require };
}
