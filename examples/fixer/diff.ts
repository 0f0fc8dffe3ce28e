// What a repair changes, as people read it: a unified diff of each file.

const CONTEXT = 3;
/** More lines than this are shown as all taken away and all put in. */
const LINES_MAX = 2000;

export function diffOf(before: Record<string, string>, after: Record<string, string>): string {
  const paths = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return paths.map((path) => diffOfFile(path, before[path], after[path])).join("");
}

function diffOfFile(path: string, before?: string, after?: string): string {
  if (before === after) return "";
  const lines = edits(before?.split("\n") ?? [], after?.split("\n") ?? []);
  const head = `--- ${before === undefined ? "/dev/null" : path}\n+++ ${after === undefined ? "/dev/null" : path}\n`;
  return head + hunks(lines);
}

interface Line {
  sign: " " | "-" | "+";
  text: string;
}

/** By the longest common subsequence of what lies between a common beginning and a common end. */
function edits(before: string[], after: string[]): Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const room = Math.min(before.length, after.length) - start;
  while (end < room && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const same = (lines: string[]): Line[] => lines.map((text) => ({ sign: " ", text }));
  const middle = between(before.slice(start, before.length - end), after.slice(start, after.length - end));
  return [...same(before.slice(0, start)), ...middle, ...same(before.slice(before.length - end))];
}

function between(a: string[], b: string[]): Line[] {
  const lines: Line[] = [];
  if (a.length * b.length > LINES_MAX * LINES_MAX) {
    for (const text of a) lines.push({ sign: "-", text });
    for (const text of b) lines.push({ sign: "+", text });
    return lines;
  }
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number) => longest[i * width + j]!;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: " ", text: a[i]! });
      i++, j++;
    } else if (j >= b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1))) lines.push({ sign: "-", text: a[i++]! });
    else lines.push({ sign: "+", text: b[j++]! });
  }
  return lines;
}

function hunks(lines: Line[]): string {
  const near = (index: number) => lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some((it) => it.sign !== " ");
  let text = "";
  let old = 1;
  let fresh = 1;
  for (let index = 0; index < lines.length; ) {
    if (!near(index)) {
      old++, fresh++, index++;
      continue;
    }
    let end = index;
    while (end < lines.length && near(end)) end++;
    const hunk = lines.slice(index, end);
    const olds = hunk.filter((it) => it.sign !== "+").length;
    const news = hunk.filter((it) => it.sign !== "-").length;
    text += `@@ -${olds ? old : old - 1},${olds} +${news ? fresh : fresh - 1},${news} @@\n`;
    text += hunk.map((it) => `${it.sign}${it.text}\n`).join("");
    old += olds;
    fresh += news;
    index = end;
  }
  return text;
}
