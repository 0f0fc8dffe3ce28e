import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { start } from "./.millrace/testing.mjs";

let server;
before(async () => (server = await start()));
after(() => server.stop());

test("each ping is answered with its number", async () => {
  await server.append({ type: "ping", payload: { text: "hello" } }, { type: "something-else" }, { type: "ping" });
  const pong = await server.until((event) => event.type === "pong" && event.payload.number === 2);
  assert.deepEqual(pong.payload, { number: 2, text: "" });
  assert.equal(pong.source.kind, "processor");
});
