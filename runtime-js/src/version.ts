// Which version of a processor this is: the text of its hooks, unless its author says.

import type { Processor } from "./processor.ts";

const PARTS = ["reduce", "afterAppend", "onEvent", "onCaughtUp", "initialState", "concurrency"] as const;

/** Sixteen hexadecimal digits: changed code reduces the history anew, and its appends are other appends. */
export function versionOf(processor: Processor<any>): string {
  const text = PARTS.map((part) => {
    const value = processor[part];
    return typeof value === "function" ? String(value) : (JSON.stringify(value) ?? "");
  }).join("\0");
  return [0x811c9dc5, 0x01234567].map((basis) => hash(text, basis)).join("");
}

/** FNV-1a, stirred at the end. */
function hash(text: string, basis: number): string {
  let hash = basis;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, "0");
}
