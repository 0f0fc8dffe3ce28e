// The push runtime as a handler of Hono, or of any framework whose context has the request as `c.req.raw`.

import type { PushProcessorRuntime } from "./push.ts";

interface Context {
  readonly req: { readonly raw: Request };
}

/** `app.post("/hooks/orders", honoHandler(runtime))`. */
export function honoHandler(runtime: PushProcessorRuntime<any>): (context: Context) => Promise<Response> {
  return (context) => runtime.fetch(context.req.raw);
}
