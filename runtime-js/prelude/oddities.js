// What is odd about what a module exports: it is refused, or it is hardly meant, and that is said in its log.

const MEMBERS = ["reduce", "afterAppend", "onEvent", "onCaughtUp"];
const KEYS = [...MEMBERS, "slug", "initialState", "concurrency"];

export default function look(found, namespace, kindOf, log) {
  if (found === null || typeof found !== "object" || typeof found.then === "function") {
    throw new TypeError(
      `the module must export a processor as its default export, or as \`processor\`: an object such as ` +
        `{ initialState, reduce, afterAppend }, or defineProcessor(() => object); it exports ${shape(namespace, kindOf)}`,
    );
  }
  for (const name of MEMBERS) {
    if (found[name] !== undefined && found[name] !== null && typeof found[name] !== "function") {
      throw new TypeError(`the processor's \`${name}\` must be a function, and is ${kindOf(found[name])}`);
    }
  }
  const { concurrency } = found;
  if (concurrency !== undefined && concurrency !== "serial" && concurrency !== "parallel") {
    throw new TypeError('the processor\'s `concurrency` must be "serial" or "parallel"');
  }
  // A misspelt member is never called, and nothing else would tell.
  for (const key of Object.keys(found).filter((name) => !KEYS.includes(name))) {
    const likely = KEYS.find((known) => found[known] === undefined && isNear(key, known));
    if (likely) log("warn", [`the processor has \`${key}\`, which nothing looks at: is \`${likely}\` meant?`]);
  }
  if (![...MEMBERS, "initialState"].some((name) => name in found)) {
    log("warn", [`the processor has none of ${MEMBERS.map((name) => `\`${name}\``).join(", ")}: it runs, and does nothing`]);
  }
}

function shape(namespace, kindOf) {
  const names = Object.keys(namespace);
  if (names.length === 0) return "nothing";
  return names.map((name) => `\`${name}\` (${kindOf(namespace[name])})`).join(", ");
}

/** Whether somebody who wrote `key` may have meant `known`: another case, or one letter in four amiss. */
function isNear(key, known) {
  const [a, b] = [key, known].map((text) => text.toLowerCase().replace(/[^a-z]/g, ""));
  const most = Math.max(1, b.length >> 2);
  if (Math.abs(a.length - b.length) > most) return false;
  // The changes from each beginning of `a` to those of `b`, row by row; two letters in the wrong order are one.
  let [before, row] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length] <= most;
}
