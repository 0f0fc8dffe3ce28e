// The server's simulation: a candidate is run over the recorded history in a sealed isolate, and nothing comes of it.

import type { JsonObject } from "millrace";

/** Each hook is given this for its requests: nobody knows what would have come back. */
const ANSWERS = [{ url: "*", status: 200, body: {}, repeat: true }];
const BUSY_TRIES = 8;

export interface Simulated {
  outcome: "completed" | "failed" | "suspended" | "load-failed" | "compile-failed";
  stage?: string;
  diagnostics?: JsonObject[];
  range: { afterOffset: number; lastOffset: number };
  states: { offset: number; state: unknown }[];
  appends: { causeOffset: number | null; path: string; event: JsonObject }[];
  fetches: { causeOffset: number | null; method: string; url: string }[];
  failures: JsonObject[];
  difference: { appends: { changed: { first: JsonObject[] } } } | null;
  cut?: string;
}

export type Simulate = (request: JsonObject) => Promise<Simulated>;

/** As many simulations run at a time as the server allows; the others wait for their turn. */
export async function run(simulate: Simulate, request: JsonObject): Promise<Simulated> {
  for (let tries = 1; ; tries++) {
    try {
      return await simulate({ ...request, fetches: ANSWERS });
    } catch (error) {
      if (tries === BUSY_TRIES || !/as many simulations run/.test(String(error))) throw error;
    }
  }
}
