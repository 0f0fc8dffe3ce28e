// A pattern that is written as one URL, cut into the patterns of its components.

export default function urlPatternAddress(native, tools) {
  const { tokenize } = tools.part("urlpattern/tokens");
  const { compile } = tools.part("urlpattern/parts");
  const canonical = tools.part("urlpattern/canonical");
  const TEXT = ["char", "escaped", "invalid"];
  const ORDER = ["protocol", "authority", "username", "password", "hostname", "port", "pathname", "search", "hash"];
  const before = (state, other) => ORDER.indexOf(state) < ORDER.indexOf(other);

  /** Whether a pattern of a protocol takes one of those whose URLs have hosts and paths with segments. */
  const isSpecial = (component) => canonical.SPECIAL.some((scheme) => component.expression.test(scheme));

  function cut(address) {
    const tokens = tokenize(address, true);
    const characters = [...address];
    const found = {};
    let state = "init";
    let at = 0;
    let start = 0;
    let braces = 0;
    let brackets = 0;
    let special = false;

    const token = (place) => tokens[Math.min(place, tokens.length - 1)];
    const isText = (text, place = at) => token(place).text === text && TEXT.includes(token(place).kind);
    const component = () => characters.slice(token(start).at, token(at).at).join("");
    /** A question mark is a modifier where something stands before it that can be modified. */
    function isSearch() {
      if (isText("?")) return true;
      if (token(at).text !== "?") return false;
      return at === 0 || !["name", "regexp", "close", "asterisk"].includes(token(at - 1).kind);
    }
    /** The component ends here and the next begins behind `skip` tokens; those in between that nobody wrote are empty. */
    function enter(next, skip) {
      if (state !== "init" && state !== "authority") found[state] = component();
      if (state !== "init" && next !== "done") {
        if (before(state, "hostname") && before("hostname", next)) found.hostname ??= "";
        if (before(state, "pathname") && before("pathname", next)) found.pathname ??= special ? "/" : "";
        if (before(state, "search") && before("search", next)) found.search ??= "";
      }
      state = next;
      at += skip;
      start = at;
    }
    /** What was read since the component began is to be read again, as part of another. */
    function reread(next) {
      at = start;
      state = next;
    }
    function enterRest() {
      if (state !== "search" && isSearch()) enter("search", 1);
      else if (isText("#")) enter("hash", 1);
      else return false;
      return true;
    }
    function enterPath() {
      if (!isText("/")) return enterRest();
      enter("pathname", 0);
      return true;
    }

    // Each answers whether it has moved on by itself.
    const steps = {
      init() {
        if (!isText(":")) return false;
        reread("protocol");
        return true;
      },
      protocol() {
        if (!isText(":")) return false;
        special = isSpecial(compile(component(), canonical.protocol, { delimiter: "", prefix: "" }));
        const slashes = isText("/", at + 1) && isText("/", at + 2);
        if (slashes) enter("authority", 3);
        else enter(special ? "authority" : "pathname", 1);
        return true;
      },
      authority() {
        if (isText("@")) reread("username");
        else if (isText("/") || isSearch() || isText("#")) reread("hostname");
        else return false;
        return true;
      },
      username() {
        if (isText(":")) enter("password", 1);
        else if (isText("@")) enter("hostname", 1);
        else return false;
        return true;
      },
      password() {
        if (!isText("@")) return false;
        enter("hostname", 1);
        return true;
      },
      hostname() {
        if (isText("[")) brackets += 1;
        else if (isText("]")) brackets -= 1;
        else if (isText(":") && brackets === 0) {
          enter("port", 1);
          return true;
        } else return enterPath();
        return false;
      },
      port: enterPath,
      pathname: enterRest,
      search: enterRest,
      hash: () => false,
    };

    while (at < tokens.length) {
      const { kind } = tokens[at];
      if (kind === "end") {
        if (state === "init") {
          // There is no protocol: the pattern is relative to something.
          at = start;
          if (isText("#")) enter("hash", 1);
          else if (isSearch()) enter("search", 1);
          else enter("pathname", 0);
          continue;
        }
        if (state === "authority") {
          reread("hostname");
          continue;
        }
        enter("done", 0);
        break;
      }
      if (kind === "open") braces += 1;
      else if (braces > 0 && kind === "close") braces -= 1;
      else if (braces === 0 && steps[state]()) continue;
      at += 1;
    }
    // A host without a port means the one that its protocol has anyway.
    if (found.hostname !== undefined) found.port ??= "";
    return found;
  }

  return { cut, isSpecial };
}
