import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { start } from "./.millrace/testing.mjs";

let server;
const asked = [];

/** A model that says two words to everything. */
const model = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  asked.push({ key: request.headers.authorization, ...JSON.parse(body) });
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const content of ["Good", " morning"]) {
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
  }
  response.end("data: [DONE]\n\n");
});

before(async () => {
  model.listen(0, "127.0.0.1");
  await once(model, "listening");
  server = await start({ flags: ["--egress-allow", "127.0.0.1"] });
  await server.secret("OPENAI_API_KEY", "the-key");
  const value = `http://127.0.0.1:${model.address().port}/v1`;
  await server.append({ type: "processor/env-var-set", payload: { key: "OPENAI_BASE_URL", value } });
});

after(async () => {
  await server?.stop();
  model.close();
  model.closeAllConnections();
});

test("an input is answered, piece by piece", async () => {
  await server.append(
    { type: "agent-configured", payload: { model: "a-model", systemPrompt: "Be terse.", waitMs: 0 } },
    { type: "agent-input-added", payload: { content: "Hello!" } },
  );
  const answer = await server.until((event) => event.type === "agent-output-added" || event.type === "agent-request-failed");
  assert.equal(answer.payload.content, "Good morning", answer.payload.message);
  const piece = await server.until((event) => event.type === "agent-output-delta-added");
  assert.equal(piece.payload.delta, "Good");
  assert.deepEqual(asked[0].messages, [
    { role: "system", content: "Be terse." },
    { role: "user", content: "Hello!" },
  ]);
  assert.deepEqual([asked[0].model, asked[0].key], ["a-model", "Bearer the-key"]);
});
