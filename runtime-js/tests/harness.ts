// A runner of tests that is the same in Node, Bun and Deno: a test is a name and a function, a few run at once.

const tests: { name: string; run: () => Promise<void> }[] = [];

export function test(name: string, run: () => Promise<void>): void {
  tests.push({ name, run });
}

/** How long one may take: generous, because two cores may be busy with ten servers. */
const TEST_MS = 30_000;
const AT_ONCE = 6;

/** Runs those whose name has the filter in it; whether all passed. */
export async function runAll(filter: string): Promise<boolean> {
  const chosen = tests.filter(({ name }) => name.includes(filter));
  let failed = 0;
  const waiting = [...chosen];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const began = Date.now();
      try {
        await inTime(next.run());
        console.log(`ok ${next.name} (${Date.now() - began} ms)`);
      } catch (error) {
        failed += 1;
        console.log(`not ok ${next.name}\n${error instanceof Error ? error.stack : error}`);
        if (error instanceof Error && error.cause) console.log("because of", error.cause);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  console.log(`${chosen.length - failed} of ${chosen.length} passed`);
  return failed === 0 && chosen.length > 0;
}

async function inTime(run: Promise<void>): Promise<void> {
  let late: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error(`it took longer than ${TEST_MS} ms`)), TEST_MS);
  });
  await Promise.race([run, timeout]).finally(() => clearTimeout(late));
}

/** Equal as JSON, whatever the order of members. */
export function equal(actual: unknown, expected: unknown, what = ""): void {
  const [a, b] = [sorted(actual), sorted(expected)];
  if (a !== b) throw new Error(`${what}\nexpected ${b}\nfound    ${a}`);
}

export function ok(value: unknown, what: string): asserts value {
  if (!value) throw new Error(what);
}

export async function rejects(promise: PromiseLike<unknown>): Promise<any> {
  const settled = await Promise.resolve(promise).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ("error" in settled) return settled.error;
  throw new Error(`it was to fail, and gave ${JSON.stringify(settled.value)}`);
}

/** Asks again until it is so. */
export async function until<Value>(what: string, ask: () => Value | Promise<Value>): Promise<NonNullable<Value>> {
  for (const deadline = Date.now() + TEST_MS; Date.now() < deadline;) {
    const value = await ask();
    if (value) return value as NonNullable<Value>;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited in vain for ${what}`);
}

function sorted(value: unknown): string {
  return JSON.stringify(
    value,
    (_, member) =>
      member && typeof member === "object" && !Array.isArray(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
        : member,
    1,
  );
}
