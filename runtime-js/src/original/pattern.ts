// Patterns of stream paths: `*` is one segment, `**` any number of them, none included.

import { canonical } from "../path.ts";

export function normalizeStreamPattern(pattern: string): string {
  return canonical(pattern.replace(/\/{2,}/g, "/").replace(/(.)\/$/, "$1"));
}

export function matchesStreamPattern(path: string, pattern: string): boolean {
  return fits(segments(canonical(path)), segments(normalizeStreamPattern(pattern)));
}

/** The deepest stream that all streams of the pattern are at or below. */
export function patternRoot(pattern: string): string {
  const fixed = segments(normalizeStreamPattern(pattern));
  const wild = fixed.findIndex((segment) => segment.includes("*"));
  return `/${(wild < 0 ? fixed : fixed.slice(0, wild)).join("/")}`;
}

/** The path of the stream that an event tells the creation of. */
export function getDiscoveredStreamPath(event: { type: string; payload: { [key: string]: any } }): string | undefined {
  return /(?:^|\/)stream\/child(?:-stream)?-created$/.test(event.type)
    ? (event.payload["childPath"] ?? event.payload["path"])
    : undefined;
}

const segments = (path: string) => path.split("/").filter(Boolean);

function fits(path: string[], pattern: string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return path.length === 0;
  if (first === "**") return fits(path, rest) || (path.length > 0 && fits(path.slice(1), pattern));
  return path.length > 0 && (first === "*" || first === path[0]) && fits(path.slice(1), rest);
}
