// What people set by `fixer/configured`, with what holds when they do not. The latest event replaces the earlier one.

export interface Settings {
  /** `propose`: a repair waits for `fixer/approved`. */
  mode: "apply" | "propose";
  /** For one lineage of a source: from the version that a person wrote to the last that was made of it. */
  maxAttempts: number;
  /** The most that one answer of the model may have. */
  maxTokens: number;
  /** So long after a repair was applied, no other of the same processor begins. */
  cooldownSeconds: number;
  /** These processors only. */
  slugs?: string[];
  /** Whether `processor/type-errors-found` is a reason to act: such a processor runs all the same. */
  typeErrors: boolean;
}

export const defaults: Settings = {
  mode: "apply",
  maxAttempts: 3,
  maxTokens: 8192,
  cooldownSeconds: 0,
  typeErrors: false,
};

/** Whatever is not of its kind is as if it were not there. */
export function settingsOf(payload: Record<string, unknown>): Settings {
  const atLeast = (least: number, value: unknown, other: number) =>
    typeof value === "number" && Number.isFinite(value) && value >= least ? value : other;
  const slugs = Array.isArray(payload.slugs) ? payload.slugs.filter((slug) => typeof slug === "string") : undefined;
  return {
    mode: payload.mode === "propose" ? "propose" : "apply",
    maxAttempts: Math.floor(atLeast(1, payload.maxAttempts, defaults.maxAttempts)),
    maxTokens: Math.floor(atLeast(64, payload.maxTokens, defaults.maxTokens)),
    cooldownSeconds: atLeast(0, payload.cooldownSeconds, defaults.cooldownSeconds),
    ...(slugs && { slugs }),
    typeErrors: payload.typeErrors === true,
  };
}
