// The host: the row's processor as a script in an isolate of the server.

import type { Driver } from "./driver.ts";
import { AROUND } from "../behaviour.ts";

const SLUG = "row";

export const host: Driver = {
  async start(client, path, row) {
    const script = `import { defineProcessor } from "millrace";\n${AROUND}\nexport default defineProcessor(${row.processor});`;
    const deployed = await client.deploy({ path, slug: SLUG, script, includeChildren: row.includeChildren ?? false });
    if (deployed.status !== "activated") throw new Error(JSON.stringify(deployed));
    const report = async (path: string) => (await client.processors({ path })).find(({ slug }) => slug === SLUG);
    return {
      acted: async (path) => (await report(path))?.acted,
      state: async (path) => (await client.state({ path })).processors[SLUG],
      isSuspended: async () => (await report(path))?.status === "suspended",
      stop: async () => {},
    };
  },
};
