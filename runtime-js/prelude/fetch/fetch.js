// fetch: what is asked is checked as everywhere; then there is no network to ask.

export default function fetching(native, tools) {
  const { needs, promised } = tools.part("idl");

  function fetch(input, init = undefined) {
    tools.forbid("fetch");
    return promised(() => {
      needs(1, arguments, "fetch");
      const { Request } = tools.part("fetch/request");
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      const { protocol } = new (tools.part("url").URL)(request.url);
      if (!["http:", "https:", "data:", "blob:"].includes(protocol)) throw new TypeError(`fetch knows no URLs that begin with ${protocol}`);
      throw new TypeError("fetch failed: this server gives processors no network access");
    });
  }
  Object.defineProperty(fetch, "length", { value: 1, configurable: true });
  return { fetch };
}
