// node:path, for both kinds of systems. A processor has no working directory: relative paths begin at `/`.

export default function pathModule(native, tools) {
  const { mustBe, wrongType } = tools.part("node/errors");

  /** What differs: which characters separate, and what a path can begin with. */
  const POSIX = { sep: "/", delimiter: ":", separates: /\//, cwd: "/", rootOf: (path) => (path.startsWith("/") ? { device: "", root: "/" } : { device: "", root: "" }) };
  const WIN32 = { sep: "\\", delimiter: ";", separates: /[\\/]/, cwd: "C:\\", rootOf: windowsRoot };

  /** `C:`, `\\server\share`, and whether a separator follows. */
  function windowsRoot(path) {
    const unc = /^[\\/]{2}([^\\/]+)[\\/]+([^\\/]+)([\\/]|$)/.exec(path);
    if (unc) return { device: `\\\\${unc[1]}\\${unc[2]}`, root: "\\", length: unc[0].length };
    const [, drive = "", slash = ""] = /^([A-Za-z]:)?([\\/]?)/.exec(path);
    return { device: drive, root: slash === "" ? "" : "\\", length: drive.length + slash.length };
  }

  function flavour(kind) {
    const { sep, delimiter, separates, cwd } = kind;
    const text = (value, name = "path") => {
      mustBe("string", name, value);
      return value;
    };

    function split(path) {
      const { device, root, length = root.length } = kind.rootOf(path);
      return { device, root, prefix: path.slice(0, length), rest: path.slice(length) };
    }

    /** Without `.`, and `..` taken back as far as there is something to take. */
    function simplified(rest, absolute) {
      const steps = [];
      for (const step of rest.split(separates)) {
        if (step === "" || step === ".") continue;
        if (step !== "..") steps.push(step);
        else if (steps.length > 0 && steps.at(-1) !== "..") steps.pop();
        else if (!absolute) steps.push("..");
      }
      return steps.join(sep);
    }

    function normalize(given) {
      const path = text(given);
      if (path === "") return ".";
      const { device, root, rest } = split(path);
      const absolute = root !== "";
      let tail = simplified(rest, absolute);
      if (tail === "" && !absolute) tail = ".";
      if (tail !== "" && separates.test(path.at(-1)) && rest !== "") tail += sep;
      return device + root + tail;
    }

    function resolve(...given) {
      let device = "";
      let tail = "";
      let absolute = false;
      for (const path of [cwd, ...given].reverse()) {
        if (text(path, "paths") === "") continue;
        const parts = split(path);
        if (parts.device !== "" && device !== "" && parts.device.toLowerCase() !== device.toLowerCase()) continue;
        if (device === "") device = parts.device;
        if (!absolute) {
          tail = `${parts.rest}${sep}${tail}`;
          absolute = parts.root !== "";
        }
        if (absolute && (device !== "" || kind === POSIX)) break;
      }
      return device + sep + simplified(tail, true);
    }

    function join(...given) {
      const parts = given.filter((path) => text(path) !== "");
      if (parts.length === 0) return ".";
      let joined = parts.join(sep);
      // Two separators at the front would name a server, unless the first part did.
      if (kind === WIN32 && !/^[\\/]{2}[^\\/]/.test(parts[0])) joined = joined.replace(/^[\\/]{2,}/, "\\");
      return normalize(joined);
    }

    function relative(from, to) {
      if (text(from, "from") === text(to, "to")) return "";
      const [source, target] = [resolve(from), resolve(to)];
      const same = (one, other) => (kind === WIN32 ? one.toLowerCase() === other.toLowerCase() : one === other);
      if (same(source, target)) return "";
      const [a, b] = [source, target].map((path) => path.split(sep).filter((step) => step !== ""));
      if (kind === WIN32 && !same(a[0] ?? "", b[0] ?? "")) return target;
      let shared = 0;
      while (shared < a.length && shared < b.length && same(a[shared], b[shared])) shared += 1;
      return [...a.slice(shared).map(() => ".."), ...b.slice(shared)].join(sep);
    }

    /** Where the last step begins and ends, without the separators behind it. */
    function last(path) {
      const { prefix } = split(path);
      let end = path.length;
      while (end > prefix.length && separates.test(path[end - 1])) end -= 1;
      let start = end;
      while (start > prefix.length && !separates.test(path[start - 1])) start -= 1;
      return { prefix, start, end };
    }

    function dirname(given) {
      const path = text(given);
      if (path === "") return ".";
      const { prefix, start } = last(path);
      let end = start;
      while (end > prefix.length && separates.test(path[end - 1])) end -= 1;
      return path.slice(0, end) || prefix || ".";
    }

    function basename(given, suffix = undefined) {
      const path = text(given);
      if (suffix !== undefined) text(suffix, "suffix");
      if (suffix === path) return "";
      const { start, end } = last(path);
      const base = path.slice(start, end);
      return suffix !== undefined && base !== suffix && base.endsWith(suffix) ? base.slice(0, base.length - suffix.length) : base;
    }

    function extname(given) {
      const base = basename(given);
      const dot = base.lastIndexOf(".");
      return dot <= 0 || base === ".." ? "" : base.slice(dot);
    }

    function format(parts) {
      if (parts === null || typeof parts !== "object") throw wrongType("pathObject", "an object", parts);
      const { root = "", dir = root, name = "", ext = "" } = parts;
      const base = parts.base || `${name}${ext && !ext.startsWith(".") ? "." : ""}${ext}`;
      if (!dir) return base;
      return dir === parts.root ? `${dir}${base}` : `${dir}${sep}${base}`;
    }

    function parse(given) {
      const path = text(given);
      const { prefix, start, end } = last(path);
      const base = path.slice(start, end);
      const ext = extname(base);
      let dirEnd = start;
      while (dirEnd > prefix.length && separates.test(path[dirEnd - 1])) dirEnd -= 1;
      return { root: prefix, dir: path.slice(0, dirEnd), base, ext, name: base.slice(0, base.length - ext.length) };
    }

    return {
      resolve, normalize, join, relative, dirname, basename, extname, format, parse, sep, delimiter,
      isAbsolute: (given) => split(text(given)).root !== "",
      toNamespacedPath: (path) => path,
    };
  }

  const [posix, win32] = [flavour(POSIX), flavour(WIN32)];
  for (const kind of [posix, win32]) Object.assign(kind, { posix, win32 });
  return posix;
}
