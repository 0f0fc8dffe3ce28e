// node:process. The global `process` shows less of it, because packages take some of it for a sign of Node.

export default function processModule(native, tools) {
  const clock = tools.part("clock");
  const EventEmitter = tools.builtin("events");
  const { refuse } = tools.part("node/refusing");
  const { mustBe } = tools.part("node/errors");

  const output = (level) =>
    Object.assign(new EventEmitter(), {
      isTTY: false,
      writable: true,
      write(chunk, encoding = undefined, callback = undefined) {
        const text = typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk);
        console[level](text.replace(/\n$/, ""));
        const done = typeof encoding === "function" ? encoding : callback;
        if (done) queueMicrotask(() => done());
        return true;
      },
      end(chunk) { if (chunk !== undefined) this.write(chunk); },
    });

  const milliseconds = () => clock.origin() + clock.now();
  function hrtime(before = undefined) {
    const now = BigInt(Math.trunc(milliseconds() * 1000)) * 1000n - (before ? BigInt(before[0]) * 1_000_000_000n + BigInt(before[1]) : 0n);
    return [Number(now / 1_000_000_000n), Number(now % 1_000_000_000n)];
  }
  hrtime.bigint = () => BigInt(Math.trunc(milliseconds() * 1000)) * 1000n;

  const process = Object.assign(new EventEmitter(), {
    ...refuse("process", ["exit", "abort", "kill", "chdir", "dlopen", "binding", "reallyExit"]),
    nextTick(callback, ...values) {
      mustBe("function", "callback", callback);
      queueMicrotask(() => callback(...values));
    },
    emitWarning: (warning) => console.warn(warning instanceof Error ? `${warning.name}: ${warning.message}` : String(warning)),
    cwd: () => "/",
    umask: () => 0o22,
    uptime: () => performance.now() / 1000,
    memoryUsage: Object.assign(() => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }), { rss: () => 0 }),
    hrtime,
    getBuiltinModule: (name) => (tools.natives("modules").isBuiltin(`${name}`.replace(/^node:/, "")) ? tools.builtin(`${name}`.replace(/^node:/, "")) : undefined),
    title: "millrace",
    version: "",
    versions: {},
    release: { name: "millrace" },
    config: {},
    features: {},
    platform: "linux",
    arch: "x64",
    argv: ["millrace"],
    argv0: "millrace",
    execArgv: [],
    execPath: "",
    pid: 1,
    ppid: 0,
    exitCode: undefined,
    stdout: output("log"),
    stderr: output("error"),
    stdin: Object.assign(new EventEmitter(), { isTTY: false, readable: false }),
  });
  return Object.defineProperty(process, "env", { get: () => tools.part("process").environment(), enumerable: true, configurable: true });
}
