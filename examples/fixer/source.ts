// A processor's code, whichever event holds it: as texts by path for the model, and back into the event that configures it.

import type { Event, EventInput, JsonObject } from "millrace";

const SCRIPT = "processor.js";
const MANIFEST = "package.json";

export interface Code {
  files: Record<string, string>;
  /** Where there is one that is no file. */
  packageJson?: JsonObject;
}

/** As it would be simulated and configured. */
export interface Candidate {
  type: "processor/source-configured" | "processor/configured";
  payload: JsonObject;
}

export function codeOf(source: Event): Code {
  const { files, script, modules, packageJson } = source.payload;
  if (files) return { files, ...(packageJson && { packageJson: asObject(packageJson) }) };
  return { files: modules ?? { [SCRIPT]: script ?? "" } };
}

/** The texts that a model sees: the manifest is one of them. */
export function textsOf({ files, packageJson }: Code): Record<string, string> {
  if (!packageJson || files[MANIFEST]) return files;
  return { ...files, [MANIFEST]: JSON.stringify(packageJson, null, 2) };
}

/** With what the model would change; null takes a file away. */
export function change(texts: Record<string, string>, changes: Record<string, string | null>): Record<string, string> {
  const next = { ...texts };
  for (const [path, text] of Object.entries(changes)) {
    if (text === null) delete next[path];
    else next[path] = text;
  }
  return next;
}

/** The same configuration with other code: limits, hosts and the rest stay as they were. */
export function candidateOf(source: Event, texts: Record<string, string>): Candidate {
  const { files, script, modules, sourceMap, bundle, lock, packageJson, redeliverFailed, ...rest } = source.payload;
  const paths = Object.keys(texts);
  const isPlain = paths.every((path) => /\.m?js$/.test(path));
  if (script !== undefined && paths.length === 1 && texts[SCRIPT] !== undefined) {
    return { type: "processor/configured", payload: { ...rest, script: texts[SCRIPT] } };
  }
  if (modules && isPlain) return { type: "processor/configured", payload: { ...rest, modules: texts } };
  const payload: JsonObject = { ...rest, files: texts };
  if (!files) {
    // What ran as it stood needs the bundler now; nobody had asked for its types.
    payload.typecheck = "off";
    if (script !== undefined && texts[SCRIPT] !== undefined) payload.entry = SCRIPT;
  }
  if (packageJson && !files?.[MANIFEST]) {
    const { [MANIFEST]: manifest, ...others } = texts;
    payload.files = others;
    payload.packageJson = manifest === undefined ? packageJson : asObject(manifest);
  }
  return { type: "processor/source-configured", payload };
}

/** The event that makes a candidate the processor. */
export function configuring({ type, payload }: Candidate, metadata: JsonObject, idempotencyKey: string): EventInput {
  return { type, payload: { ...payload, redeliverFailed: true }, metadata, idempotencyKey };
}

function asObject(manifest: JsonObject | string): JsonObject {
  return typeof manifest === "string" ? JSON.parse(manifest) : manifest;
}

export async function hashOf(candidate: Candidate): Promise<string> {
  const { files, script, modules, packageJson } = candidate.payload;
  const bytes = new TextEncoder().encode(canonical({ code: files ?? modules ?? { [SCRIPT]: script }, packageJson }));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** JSON whose members are in order. */
export function canonical(value: unknown): string {
  const ordered = (_: string, it: unknown) =>
    it && typeof it === "object" && !Array.isArray(it)
      ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)))
      : it;
  return JSON.stringify(value, ordered) ?? "null";
}
