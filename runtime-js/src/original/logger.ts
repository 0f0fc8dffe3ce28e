// The original's logger: the console, from a level on.

import type { Logger } from "../processor.ts";

const LEVELS = ["debug", "info", "warn", "error", "silent"];

export function createWorkshopLogger(level = "info"): Logger {
  const from = Math.max(LEVELS.indexOf(level), 0);
  const at = (name: "debug" | "info" | "warn" | "error") =>
    LEVELS.indexOf(name) >= from ? console[name].bind(console) : () => {};
  return { debug: at("debug"), info: at("info"), log: at("info"), warn: at("warn"), error: at("error") };
}

export const workshopLogger: Logger = createWorkshopLogger();
