// For tests: runs the processor of this folder where it will run, in an isolate of a server. The server is started for the test,
// on a temporary folder and a free port, and needs the program `millrace` (or the one that MILLRACE_BIN names).

import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const FOLDER = dirname(dirname(fileURLToPath(import.meta.url)));
const PROGRAM = process.env.MILLRACE_BIN ?? "millrace";
const PATIENCE_MS = 30_000;

/** A server with this folder's processor on the stream `path`. */
export async function start({ path = "/test", flags = [] } = {}) {
  const data = await mkdtemp(join(tmpdir(), "millrace-"));
  const child = spawn(PROGRAM, ["serve", "--listen", "127.0.0.1:0", "--data", join(data, "data"), ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const baseUrl = await new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new Error(`cannot start ${PROGRAM}: ${error.message}`)));
    child.on("exit", () => reject(new Error(`${PROGRAM} has ended`)));
    createInterface(child.stdout).on("line", (line) => {
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (url) resolve(url);
    });
  });
  const url = `${baseUrl}/api/streams${path}`;

  async function request(target, init) {
    const response = await fetch(target, { signal: AbortSignal.timeout(PATIENCE_MS), ...init });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return response;
  }

  const post = (target, body) =>
    request(target, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

  const server = {
    baseUrl,

    /** Appends events as one batch. */
    append: (...events) => post(url, events),

    /** A value for `getSecret`. */
    secret: (name, value) => post(`${baseUrl}/api/secrets`, { name, value }),

    /** Follows the stream until `found` says yes to an event, which is returned. */
    async until(found) {
      const { body } = await request(`${url}?live=true`, { headers: { accept: "application/x-ndjson" } });
      let rest = "";
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split("\n");
        rest = lines.pop();
        const event = lines.filter(Boolean).map((line) => JSON.parse(line)).find(found);
        if (event) return event;
      }
      throw new Error("the stream has ended");
    },

    async stop() {
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill();
      await ended;
      await rm(data, { recursive: true, force: true });
    },
  };

  try {
    // Prints what does not compile, with file and line.
    const deploy = ["deploy", FOLDER, "--stream", path, "--wait", "--typecheck", "require", "--server", baseUrl];
    await promisify(execFile)(PROGRAM, deploy);
  } catch (error) {
    await server.stop();
    throw new Error(error.stderr || error.message);
  }
  return server;
}
