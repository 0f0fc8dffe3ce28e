// fetch: what is asked is checked as everywhere; then there is no network to ask. Only data: URLs answer by themselves.

export default function fetching(native, tools) {
  const { needs, promised } = tools.part("idl");

  function fetch(input, init = undefined) {
    tools.forbid("fetch");
    return promised(() => {
      needs(1, arguments, "fetch");
      const { Request } = tools.part("fetch/request");
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      const protocol = request.url.slice(0, request.url.indexOf(":") + 1);
      if (protocol === "data:") return dataResponse(request);
      if (!["http:", "https:"].includes(protocol)) throw new TypeError(`fetch knows no URLs that begin with ${protocol}`);
      throw new TypeError("fetch failed: this server gives processors no network access");
    });
  }
  function dataResponse(request) {
    const found = tools.part("fetch/data").read(request.url);
    if (!found) throw new TypeError("fetch failed: the data: URL is not one");
    const body = request.method === "HEAD" ? null : found.bytes;
    return tools.part("fetch/response").responseOf(body, { "content-type": found.type }, request.url);
  }

  Object.defineProperty(fetch, "length", { value: 1, configurable: true });
  return { fetch };
}
