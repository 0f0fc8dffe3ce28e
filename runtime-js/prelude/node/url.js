// node:url: the URL standard's classes, file paths, and the old functions.

export default function urlModule(native, tools) {
  const urls = tools.natives("url");
  const { coded, wrongType, mustBe } = tools.part("node/errors");
  const querystring = tools.builtin("querystring");
  /** Protocols whose URLs have `//` and a host. */
  const SLASHED = new Set(["http:", "https:", "ftp:", "gopher:", "file:", "ws:", "wss:"]);
  const FIELDS = ["protocol", "slashes", "auth", "host", "port", "hostname", "hash", "search", "query", "pathname", "path", "href"];

  // --- files ------------------------------------------------------------------------------------------------

  function fileURLToPath(given) {
    const url = typeof given === "string" ? new URL(given) : given;
    if (!(url instanceof URL)) throw wrongType("path", "text or a URL", given);
    if (url.protocol !== "file:") throw coded(TypeError, "ERR_INVALID_URL_SCHEME", "the URL must be of scheme file");
    if (url.hostname !== "") throw coded(TypeError, "ERR_INVALID_FILE_URL_HOST", "a file URL has no host here");
    if (/%2f/i.test(url.pathname)) throw coded(TypeError, "ERR_INVALID_FILE_URL_PATH", "a file URL's path must not have an encoded /");
    return decodeURIComponent(url.pathname);
  }

  function pathToFileURL(path) {
    mustBe("string", "path", path);
    const resolved = tools.builtin("path").resolve(path) + (path.endsWith("/") && path !== "/" ? "/" : "");
    const url = new URL("file:///");
    url.pathname = resolved.replace(/[%\\\n\r\t?#]/g, (one) => encodeURIComponent(one));
    return url;
  }

  function urlToHttpOptions(url) {
    const { protocol, hostname, hash, search, pathname, href, port, username, password } = url;
    const options = { protocol, hostname: hostname.replace(/^\[|\]$/g, ""), hash, search, pathname, path: `${pathname}${search}`, href };
    if (port !== "") options.port = Number(port);
    if (username !== "" || password !== "") options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return options;
  }

  // --- the old functions --------------------------------------------------------------------------------------

  function Url() {
    for (const field of FIELDS) this[field] = null;
  }

  function parse(given, parseQuery = false, slashesDenoteHost = false) {
    if (given instanceof Url) return given;
    mustBe("string", "url", given);
    const url = new Url();
    const query = given.indexOf("?");
    const plain = query === -1 ? given.replaceAll("\\", "/") : given.slice(0, query).replaceAll("\\", "/") + given.slice(query);
    let rest = plain.trim();
    const protocol = /^[a-zA-Z0-9.+-]+:/.exec(rest)?.[0];
    if (protocol) {
      url.protocol = protocol.toLowerCase();
      rest = rest.slice(protocol.length);
    }
    const script = url.protocol === "javascript:";
    if (!script && rest.startsWith("//") && (slashesDenoteHost || protocol || /^\/\/[^@/]+@[^@/]+/.test(rest))) {
      url.slashes = true;
      rest = rest.slice(2);
    }
    if (!script && (url.slashes || (protocol && !SLASHED.has(url.protocol)))) rest = takeHost(url, rest);
    takePath(url, script ? rest : escaped(rest), parseQuery);
    url.href = url.format();
    return url;
  }

  function takeHost(url, text) {
    const at = /^[^/?#]*/.exec(text)[0].lastIndexOf("@");
    if (at !== -1) url.auth = decodeURIComponent(text.slice(0, at));
    // The host ends at the first character that no host has.
    const host = /^[^\t\n\r "#%/;<>?\\^`{|}]*/.exec(text.slice(at + 1))[0];
    const port = /:(\d*)$/.exec(host);
    if (port) url.port = port[1] || null;
    const name = port ? host.slice(0, port.index) : host;
    url.hostname = name.startsWith("[") ? name.slice(1, -1).toLowerCase() : asciiHost(name);
    url.host = name === "" && !port ? "" : `${name.startsWith("[") ? name.toLowerCase() : url.hostname}${url.port ? `:${url.port}` : ""}`;
    return text.slice(at + 1 + host.length);
  }

  function asciiHost(name) {
    if (!/[^\x00-\x7f]/.test(name)) return name.toLowerCase();
    return domainToASCII(name) || name.toLowerCase();
  }

  const escaped = (text) => text.replace(/[\t\n\r "'<>\\^`{|}]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);

  function takePath(url, text, parseQuery) {
    const [, pathname, search, hash] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(text);
    url.hash = hash ?? null;
    url.search = search ?? (parseQuery ? "" : null);
    url.query = search === undefined ? (parseQuery ? Object.create(null) : null) : parseQuery ? querystring.parse(search.slice(1)) : search.slice(1);
    url.pathname = pathname || (SLASHED.has(url.protocol) && url.hostname ? "/" : null);
    if (url.pathname || url.search) url.path = `${url.pathname ?? ""}${url.search ?? ""}`;
  }

  function format(given, options = undefined) {
    if (typeof given === "string") return parse(given).format();
    if (given instanceof URL) return formatUrl(given, options ?? {});
    if (given === null || typeof given !== "object") throw wrongType("urlObject", "text, a URL or an object", given);
    return Reflect.apply(Url.prototype.format, given, []);
  }

  function formatUrl(url, { fragment = true, search = true, auth = true, unicode = false }) {
    const copy = new URL(url);
    if (!fragment) copy.hash = "";
    if (!search) copy.search = "";
    if (!auth) copy.username = copy.password = "";
    return unicode ? copy.href.replace(copy.hostname, domainToUnicode(copy.hostname)) : copy.href;
  }

  Url.prototype.format = function () {
    const auth = this.auth ? `${encodeURIComponent(this.auth).replace(/%3A/i, ":")}@` : "";
    let protocol = this.protocol ?? "";
    if (protocol && !protocol.endsWith(":")) protocol += ":";
    let host = "";
    if (this.host) host = auth + this.host;
    else if (this.hostname) {
      const bare = this.hostname.includes(":") && !this.hostname.startsWith("[") ? `[${this.hostname}]` : this.hostname;
      host = auth + bare + (this.port ? `:${this.port}` : "");
    }
    let pathname = (this.pathname ?? "").replace(/[?#]/g, encodeURIComponent);
    if (this.slashes || SLASHED.has(protocol)) {
      if (this.slashes || host) {
        if (pathname && !pathname.startsWith("/")) pathname = `/${pathname}`;
        host = `//${host}`;
      } else if (protocol === "file:") host = "//";
    }
    const asked = this.query !== null && typeof this.query === "object" ? querystring.stringify(this.query) : "";
    let search = this.search || (asked ? `?${asked}` : "");
    if (search && !search.startsWith("?")) search = `?${search}`;
    let hash = this.hash ?? "";
    if (hash && !hash.startsWith("#")) hash = `#${hash}`;
    return `${protocol}${host}${pathname}${search.replaceAll("#", "%23")}${hash}`;
  };

  function resolve(from, to) {
    const absolute = /^[a-zA-Z][a-zA-Z0-9+.-]*:/;
    if (absolute.test(to) && !SLASHED.has(parse(to).protocol)) return parse(to).href;
    // A base that is only a path is resolved in a place of its own, and that place taken off again.
    const place = "http://place.invalid";
    const base = absolute.test(from) ? from : new URL(from || "/", place).href;
    let href;
    try {
      href = new URL(to, base).href;
    } catch {
      return to;
    }
    if (absolute.test(from) || !href.startsWith(place)) return href;
    const path = href.slice(place.length);
    return from.startsWith("/") || to.startsWith("/") ? path : path.slice(1);
  }
  Url.prototype.resolve = function (relative) { return resolve(this.href, relative); };
  Url.prototype.resolveObject = function (relative) { return parse(this.resolve(relative)); };
  Url.prototype.parse = function (...given) { return Object.assign(this, parse(...given)); };

  function domainToASCII(domain) {
    return urls.urlParse(`ws://${`${domain}`.toWellFormed()}`, undefined)?.[6] ?? "";
  }

  const domainToUnicode = (domain) => urls.domainToUnicode(domainToASCII(domain));

  return {
    Url, parse, format, resolve, fileURLToPath, pathToFileURL, urlToHttpOptions, domainToASCII, domainToUnicode,
    resolveObject: (from, to) => parse(resolve(from, to)),
    get URL() { return URL; },
    get URLSearchParams() { return URLSearchParams; },
  };
}
