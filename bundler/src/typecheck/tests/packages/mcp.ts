// packages: @modelcontextprotocol/sdk@1.32.2 zod@4.6.7
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
export default { async onCaughtUp({ logger }) {
  const client = new Client({ name: 'x', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL('https://x.test')));
  const { tools } = await client.listTools();
  logger.info(tools.map((t) => t.nam));
} };
// expected: TS2551 8:34
