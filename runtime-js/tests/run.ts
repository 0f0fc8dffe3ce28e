// The tests of the SDK, against the server at MILLRACE_URL; MILLRACE_TESTS names a part of them.

import "./clients.ts";
import "./originals.ts";
import "./pulling.ts";
import "./pushing.ts";
import "./rows.ts";
import "./scenarios.ts";
import "./subscribing.ts";
import { runAll } from "./harness.ts";
import { FILTER } from "./server.ts";

const passed = await runAll(FILTER);
(globalThis as unknown as { process: { exit(code: number): never } }).process.exit(passed ? 0 : 1);
