// Waiting: pauses that grow, and that a signal ends.

/** Resolves after a while, or rejects with the signal's reason as soon as it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const ended = () => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    };
    const timer = setTimeout(ended, ms);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

/** Pauses that double, each a bit at random, so that many who lost the same server do not come back at once. */
export class Pauses {
  #next: number;
  readonly #first: number;
  readonly #most: number;

  constructor(firstMs = 100, mostMs = 10_000) {
    this.#first = this.#next = firstMs;
    this.#most = mostMs;
  }

  /** How long to wait now. What the server asked for is at least waited. */
  take(atLeastMs = 0): number {
    const taken = this.#next * (0.5 + Math.random() / 2);
    this.#next = Math.min(2 * this.#next, this.#most);
    return Math.max(taken, atLeastMs);
  }

  reset(): void {
    this.#next = this.#first;
  }
}

/** A signal that aborts with any of these. */
export function anySignal(...signals: (AbortSignal | undefined)[]): AbortSignal {
  const given = signals.filter((signal) => signal !== undefined);
  return given.length === 1 ? given[0]! : AbortSignal.any(given);
}
