// Around `reduce`: while it runs, the clock is the event's time, randomness comes from the event, and what acts throws.
// `reduce` is synchronous, so nobody else sees these.

import { fraction, sequence } from "./random.ts";

const FORBIDDEN = ["fetch", "setTimeout", "setInterval", "setImmediate", "WebSocket", "EventSource"] as const;

export const NOT_IN_REDUCE = "is not available in reduce, which only computes: use it in afterAppend";

/** Calls `compute` as the host would. */
export function sealed<Value>(createdAt: string, seed: string, compute: () => Value): Value {
  const now = Date.parse(createdAt);
  let next: (() => number) | undefined;
  const replaced: [object, PropertyKey, PropertyDescriptor | undefined][] = [];
  const replace = (target: object, name: PropertyKey, value: unknown) => {
    const before = Object.getOwnPropertyDescriptor(target, name);
    if (before && !before.configurable && !before.writable) return;
    replaced.push([target, name, before]);
    Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: before?.enumerable ?? false });
  };
  replace(globalThis, "Date", clockedDate(now));
  replace(Math, "random", () => fraction((next ??= sequence(seed))));
  for (const name of FORBIDDEN) {
    if (!(name in globalThis)) continue;
    replace(globalThis, name, function refuse() {
      throw new Error(`${name} ${NOT_IN_REDUCE}`);
    });
  }
  try {
    return compute();
  } finally {
    for (const [target, name, before] of replaced.reverse()) {
      if (before) Object.defineProperty(target, name, before);
      else Reflect.deleteProperty(target, name);
    }
  }
}

/** Date, at a standstill. */
function clockedDate(now: number): DateConstructor {
  const Native = Date;
  function ClockedDate(this: unknown, ...parts: unknown[]) {
    if (new.target === undefined) return new Native(now).toString();
    return Reflect.construct(Native, parts.length === 0 ? [now] : parts, new.target === ClockedDate ? Native : new.target);
  }
  ClockedDate.prototype = Native.prototype;
  return Object.assign(ClockedDate, { now: () => now, parse: Native.parse, UTC: Native.UTC }) as unknown as DateConstructor;
}
