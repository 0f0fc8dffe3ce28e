// The pull runtime in this process.

import { defineProcessor, PullProcessorRuntime } from "millrace";
import { silent } from "../server.ts";
import type { Driver } from "./driver.ts";

export const pull: Driver = {
  async start(client, path, row) {
    const processor = defineProcessor(row.processor);
    const { includeChildren = false } = row;
    const runtime = new PullProcessorRuntime({
      path,
      processor,
      slug: "row",
      includeChildren,
      eventsClient: client,
      logger: silent,
    });
    let failure: any;
    runtime.run().catch((error) => void (failure = error));
    await runtime.ready;
    return {
      acted: async (path) => runtime.getProgress(path)?.acted,
      state: async (path) => runtime.getState(path),
      isSuspended: async () => failure?.code === "suspended",
      stop: () => runtime.stop(),
    };
  },
};
