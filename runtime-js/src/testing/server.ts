// A server for a test, on a temporary folder and whatever port is free. Only where there are processes.

export interface TestServer {
  baseUrl: string;
  stop(): Promise<void>;
}

/** How long a server may take to listen. */
const START_MS = 30_000;

export async function startServer(bin: string | undefined): Promise<TestServer> {
  if (!bin) throw new Error("no server: give `baseUrl`, or `bin`, or name the program `millrace` in MILLRACE_BIN");
  const [{ spawn }, { mkdtemp, rm }, { tmpdir }, { join }] = await Promise.all([
    builtin("node:child_process"),
    builtin("node:fs/promises"),
    builtin("node:os"),
    builtin("node:path"),
  ]);
  const folder: string = await mkdtemp(join(tmpdir(), "millrace-test-"));
  const child = spawn(bin, ["serve", "--listen", "127.0.0.1:0", "--data", join(folder, "data")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { baseUrl: await listening(child, bin), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Its first line names its address. */
function listening(child: any, bin: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    let complained = "";
    const late = setTimeout(() => reject(new Error(`${bin} did not listen within ${START_MS} ms`)), START_MS);
    child.stdout.on("data", (chunk: unknown) => {
      said += chunk;
      const found = said.match(/http:\/\/\S+/);
      if (found) resolve(found[0]);
    });
    child.stderr.on("data", (chunk: unknown) => void (complained = `${complained}${chunk}`.slice(-2_000)));
    child.on("error", (error: Error) => reject(new Error(`${bin} could not be started: ${error.message}`)));
    child.on("close", () => (clearTimeout(late), reject(new Error(`${bin} has ended: ${complained.trim()}`))));
    child.stdout.once("data", () => clearTimeout(late));
  });
}

/** A module that a bundler for browsers must not look for. */
const builtin = (name: string): Promise<any> => import(name);
