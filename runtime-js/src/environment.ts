// What the surroundings say, where there are any: a browser has no environment, and Deno may forbid to look at it.

export function fromEnvironment(...names: string[]): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  for (const name of names) {
    try {
      const value = process?.env?.[name];
      if (value) return value;
    } catch {
      // Not permitted: as if it were not there.
    }
  }
  return undefined;
}

/** Where a server listens by default. */
export const DEFAULT_URL = "http://127.0.0.1:4777";
