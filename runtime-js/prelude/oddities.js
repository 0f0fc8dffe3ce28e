// What is odd about a processor, and hardly meant: said in its log, once.

/** A misspelt member is never called, and nothing else would tell. */
export default function tellOddities(found, { members, keys, log }) {
  const unknown = Object.keys(found).filter((key) => !keys.includes(key));
  for (const key of unknown) {
    const likely = keys.find((known) => found[known] === undefined && isNear(key, known));
    if (likely) log("warn", [`the processor has \`${key}\`, which nothing looks at: is \`${likely}\` meant?`]);
  }
  if (![...members, "initialState"].some((name) => name in found)) {
    log("warn", [`the processor has none of ${members.map((name) => `\`${name}\``).join(", ")}: it runs, and does nothing`]);
  }
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
