// The global `process`: the environment, and what packages call without a look at where they run. What would make them take
// this for Node is not there.

export default function processMembers(native, tools) {
  const plain = { browser: true, version: "", versions: {}, platform: "linux", arch: "x64", title: "millrace", pid: 1 };
  const made = [
    "nextTick", "cwd", "umask", "hrtime", "uptime", "memoryUsage", "emitWarning", "argv", "execArgv", "stdout", "stderr", "on", "once", "off", "emit",
    "addListener", "removeListener", "removeAllListeners", "prependListener", "listeners", "listenerCount",
  ];
  const names = new Set([...Object.keys(plain), ...made]);

  function member(name, otherwise) {
    if (!names.has(name)) return otherwise();
    return Object.hasOwn(plain, name) ? plain[name] : tools.builtin("process")[name];
  }
  let parsed;
  const environment = () => (parsed ??= JSON.parse(tools.environment));
  const behind = {
    get: (target, name, self) => member(name, () => Reflect.get(target, name, self)),
    has: (target, name) => names.has(name) || Reflect.has(target, name),
  };
  return { environment, process: Object.setPrototypeOf({ env: environment() }, new Proxy({}, behind)) };
}
