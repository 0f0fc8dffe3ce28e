// Stream paths: how they are written, resolved and put into URLs.

const SEGMENTS = /^\/(?:[a-z0-9_-]+(?:\/[a-z0-9_-]+)*)?$/;

/** The canonical form: one slash in front, none behind. */
export function canonical(path: string): string {
  if (/^\/*$/.test(path)) return "/";
  return path.startsWith("/") ? path : `/${path}`;
}

/** `to` as a processor on `own` may write it: absolute, or relative as in a file system. */
export function resolvePath(own: string, to: string | undefined): string {
  if (to === undefined) return own;
  if (to.startsWith("/")) return checked(to.length > 1 && to.endsWith("/") ? to.slice(0, -1) : to);
  if (!/^\.\.?(?:\/|$)/.test(to)) {
    throw new TypeError(
      `path ${JSON.stringify(to)} must be absolute (\`/a/b\`) or relative (\`./child\`, \`../sibling\`, \`..\`)`,
    );
  }
  const segments = own.split("/").filter(Boolean);
  for (const step of to.split("/")) {
    if (step === "" || step === ".") continue;
    if (step !== "..") segments.push(step);
    else if (segments.pop() === undefined) throw new TypeError(`path ${JSON.stringify(to)} leads above the root from ${own}`);
  }
  return checked(`/${segments.join("/")}`);
}

function checked(path: string): string {
  if (SEGMENTS.test(path)) return path;
  throw new TypeError(`stream path ${JSON.stringify(path)} must be made of segments of a-z, 0-9, _ and -, each behind a slash`);
}

/** A stream of the system below `path`, which nothing announces or lists. */
export function systemPath(path: string, ...segments: string[]): string {
  return `${path === "/" ? "" : path}/${segments.join("/")}`;
}

export function isSystem(path: string): boolean {
  return path.split("/").some((segment) => segment.startsWith("_") && !segment.startsWith("__"));
}

export function isBelow(path: string, ancestor: string): boolean {
  return ancestor === "/" ? path !== "/" : path.startsWith(`${ancestor}/`);
}

/** As it stands behind `/api/streams/`: the server takes slashes, and refuses what is no path. */
export function inUrl(path: string): string {
  return canonical(path).slice(1).split("/").map(encodeURIComponent).join("/");
}
