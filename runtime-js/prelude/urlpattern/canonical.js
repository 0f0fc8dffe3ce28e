// The form that a component's text has in a URL. Rust's URLs do the work, on a URL that is there for nothing else;
// what cannot be in a URL throws.

export default function urlPatternCanonical(native, tools) {
  const urls = tools.natives("url");
  // In the order in which Rust gives the parts of a URL.
  const [PROTOCOL, USERNAME, PASSWORD, HOSTNAME, PORT, PATHNAME, SEARCH, HASH] = [2, 3, 4, 6, 7, 8, 9, 10];
  const DUMMY = "https://dummy.invalid/";
  const PORTS = new Map([["http", "80"], ["https", "443"], ["ws", "80"], ["wss", "443"], ["ftp", "21"], ["file", ""]]);
  const SPECIAL = [...PORTS.keys()];

  const refuse = (what, value) => {
    throw new TypeError(`${JSON.stringify(value)} cannot be ${what} of a URL`);
  };
  const set = (field, at, value, what) => {
    const parts = urls.urlSet(DUMMY, field, value);
    return parts ? parts[at] : refuse(what, value);
  };
  /** The parser of URLs takes no notice of these, wherever they stand. */
  const withoutBreaks = (value) => value.replace(/[\t\n\r]/g, "");
  const filled = (canonical) => (value, scheme) => (value === "" ? "" : canonical(value, scheme));

  const protocol = filled((value) => {
    const parts = urls.urlParse(`${value}://dummy.invalid/`, undefined);
    return parts ? parts[PROTOCOL].slice(0, -1) : refuse("the protocol", value);
  });
  const username = filled((value) => set("username", USERNAME, value, "the user name"));
  const password = filled((value) => set("password", PASSWORD, value, "the password"));
  const hostname = filled((value) => {
    // What begins another component ends the name, as in the address bar of a browser.
    const name = withoutBreaks(value).split(/[/?#\\]/)[0];
    if (name === "" || name.includes(":") && !name.startsWith("[")) refuse("the host name", value);
    return set("hostname", HOSTNAME, name, "the host name");
  });
  const address = filled((value) => {
    if (/[^0-9a-fA-F:[\]]/.test(value)) refuse("the IPv6 address", value);
    return value.toLowerCase();
  });
  const port = filled((value, scheme = "") => {
    const digits = /^[0-9]+/.exec(withoutBreaks(value))?.[0];
    if (digits === undefined || Number(digits) > 0xffff) refuse("the port", value);
    const number = `${Number(digits)}`;
    return PORTS.get(scheme) === number ? "" : number;
  });
  const pathname = filled((value) => {
    // A path that does not begin with a slash is a piece of one.
    const whole = value.startsWith("/");
    const path = set("pathname", PATHNAME, whole ? value : `/-${value}`, "the path");
    return whole ? path : path.slice(2);
  });
  /** The path of a URL that has no segments, like that of `data:`. */
  const opaquePathname = (value) =>
    withoutBreaks(value).split(/[?#]/)[0].replace(/[^\x20-\x7e]/gu, encodeURIComponent);
  const search = filled((value) => set("search", SEARCH, `?${value}`, "the query").slice(1));
  const hash = filled((value) => set("hash", HASH, `#${value}`, "the fragment").slice(1));

  /** The components of a URL without the marks between them; undefined when it is none. */
  function split(text, base) {
    const parts = urls.urlParse(text, base);
    if (!parts) return undefined;
    return {
      protocol: parts[PROTOCOL].slice(0, -1),
      username: parts[USERNAME],
      password: parts[PASSWORD],
      hostname: parts[HOSTNAME],
      port: parts[PORT],
      pathname: parts[PATHNAME],
      search: parts[SEARCH].slice(1),
      hash: parts[HASH].slice(1),
    };
  }

  return {
    protocol, username, password, hostname, address, port, pathname, opaquePathname, search, hash, split, SPECIAL, PORTS,
  };
}
