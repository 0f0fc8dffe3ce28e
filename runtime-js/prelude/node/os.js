// node:os. A processor has no machine of its own to tell of.

export default function osModule() {
  const text = (value) => Object.assign(() => value, { [Symbol.toPrimitive]: () => value });
  return {
    EOL: "\n",
    devNull: "/dev/null",
    constants: { signals: {}, errno: {}, priority: {}, dlopen: {}, UV_UDP_REUSEADDR: 4 },
    arch: text("x64"),
    machine: text("x86_64"),
    platform: text("linux"),
    type: text("Linux"),
    release: text(""),
    version: text(""),
    hostname: text("localhost"),
    homedir: text("/"),
    tmpdir: text("/tmp"),
    endianness: text("LE"),
    uptime: () => Math.trunc(performance.now() / 1000),
    loadavg: () => [0, 0, 0],
    totalmem: () => 0,
    freemem: () => 0,
    cpus: () => [],
    availableParallelism: () => 1,
    networkInterfaces: () => ({}),
    userInfo: () => ({ uid: -1, gid: -1, username: "processor", homedir: "/", shell: null }),
    getPriority: () => 0,
    setPriority() {},
  };
}
