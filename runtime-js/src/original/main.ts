// Whether a module is the program, and running it if so. Inside an isolate, or a bundle, no module ever is.

import { getDefaultWorkshopPathPrefix } from "./prefix.ts";

interface Process {
  argv?: string[];
  env?: Record<string, string | undefined>;
  exitCode?: number;
}

const surroundings = () => (globalThis as { process?: Process }).process;

export function isMainModule(importMetaUrl: string): boolean {
  const program = surroundings()?.argv?.[1];
  if (!program) return false;
  const url = /^[A-Za-z]:[\\/]/.test(program)
    ? `file:///${program.replaceAll("\\", "/")}`
    : new URL(program, `file://${directory()}/`).href;
  return importMetaUrl === url || importMetaUrl === `${url}.ts` || importMetaUrl === `${url}.js`;
}

const directory = () => (surroundings() as { cwd?: () => string } | undefined)?.cwd?.() ?? "";

/** Calls `run` with the path prefix if the module of this URL is the program. */
export function runWorkshopMain(importMetaUrl: string, run: (pathPrefix: string) => unknown): void {
  if (!isMainModule(importMetaUrl)) return;
  const process = surroundings();
  const prefix = getDefaultWorkshopPathPrefix();
  if (process?.env) process.env["PATH_PREFIX"] ??= prefix;
  ended(Promise.resolve().then(() => run(prefix)));
}

/** What a procedure of `os` is called with. */
export interface ProcedureInput {
  pathPrefix: string;
  logLevel: string;
}

export interface Procedure {
  (input?: Partial<ProcedureInput>): Promise<unknown>;
}

type Handler = (given: { input: ProcedureInput & Record<string, any> }) => unknown;

/** Builds a procedure, as in `os.handler(async ({ input }) => …)`. What describes it further is taken and not looked at. */
export interface ProcedureBuilder {
  handler(handler: Handler): Procedure;
  input(schema: unknown): ProcedureBuilder;
  output(schema: unknown): ProcedureBuilder;
  meta(meta: unknown): ProcedureBuilder;
  route(route: unknown): ProcedureBuilder;
}

export const os: ProcedureBuilder = {
  handler:
    (handler) =>
    async (input = {}) => {
      const given = { pathPrefix: getDefaultWorkshopPathPrefix(), logLevel: "info", ...input };
      return handler({ input: given });
    },
  input: () => os,
  output: () => os,
  meta: () => os,
  route: () => os,
};

/** Runs a procedure, or a function, if the module of this URL is the program. */
export function runIfMain(importMetaUrl: string, procedure: Procedure | ((pathPrefix: string) => unknown)): void {
  if (isMainModule(importMetaUrl)) ended(Promise.resolve().then(() => (procedure as Procedure)()));
}

function ended(running: Promise<unknown>): void {
  running.catch((error) => {
    console.error(error);
    const process = surroundings();
    if (process) process.exitCode = 1;
  });
}
