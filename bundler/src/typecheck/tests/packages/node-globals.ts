// packages: @types/node@26.6.6
export default { async afterAppend({ event, append, signal }) {
  const r = await fetch(new URL('/a', 'http://x'), { signal, headers: new Headers({ a: 'b' }), method: 'POST', body: JSON.stringify(event) });
  const b = Buffer.from(await r.arrayBuffer());
  for await (const c of r.body!) c.byteLength;
  setTimeout(() => {}, 1); signal.addEventListener('abort', () => {});
  console.log(process.env.A, new TextDecoder().decode(b), crypto.randomUUID(), structuredClone(r.status), new AbortController().signal.aborted);
  await append({ type: 'x', payload: { n: r.stat } });
} };
// expected: TS2339 8:45
