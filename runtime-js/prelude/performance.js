// performance: the clock, and the marks and measures of the user-timing standard. Those are bounded: the oldest go first.

export default function performing(native, tools) {
  const { expose, inside, closed, dictionary, needs } = tools.part("idl");
  const ENTRIES_MAX = 1000;
  let entries = [];

  class PerformanceEntry {
    #held;
    constructor(key, held) {
      closed(key, "PerformanceEntry");
      this.#held = held;
    }
    get name() { return this.#held.name; }
    get entryType() { return this.#held.entryType; }
    get startTime() { return this.#held.startTime; }
    get duration() { return this.#held.duration; }
    get detail() { return this.#held.detail; }
    toJSON() { return { ...this.#held }; }
  }
  expose(PerformanceEntry);

  function add(entryType, name, startTime, duration, detail) {
    const held = { name: `${name}`, entryType, startTime, duration, detail: detail === undefined ? null : structuredClone(detail) };
    const entry = new PerformanceEntry(inside, held);
    entries.push(entry);
    if (entries.length > ENTRIES_MAX) entries.shift();
    return entry;
  }

  function mark(name, options = undefined) {
    needs(1, arguments, "mark");
    const { startTime, detail } = dictionary(options, "the options of mark");
    if (startTime !== undefined && !(+startTime >= 0)) throw new TypeError("a mark cannot have a negative time");
    return add("mark", name, startTime === undefined ? tools.clock.now() : +startTime, 0, detail);
  }

  /** The time of a mark, or a time itself. */
  function timeOf(place) {
    if (typeof place === "number") return place;
    const found = entries.findLast((entry) => entry.entryType === "mark" && entry.name === `${place}`);
    if (!found) throw new DOMException(`there is no mark ${JSON.stringify(`${place}`)}`, "SyntaxError");
    return found.startTime;
  }

  function measure(name, startOrOptions = undefined, endMark = undefined) {
    needs(1, arguments, "measure");
    const options = typeof startOrOptions === "object" && startOrOptions !== null ? startOrOptions : { start: startOrOptions, end: endMark };
    const { start, end, duration, detail } = options;
    if (start !== undefined && end !== undefined && duration !== undefined) throw new TypeError("measure takes two of start, end and duration");
    const to = end !== undefined ? timeOf(end) : start !== undefined && duration !== undefined ? timeOf(start) + duration : tools.clock.now();
    const from = start !== undefined ? timeOf(start) : duration !== undefined ? to - duration : 0;
    return add("measure", name, from, to - from, detail);
  }

  const clear = (entryType) => (name = undefined) => {
    entries = entries.filter((entry) => entry.entryType !== entryType || (name !== undefined && entry.name !== `${name}`));
  };
  const inOrder = (found) => found.sort((a, b) => a.startTime - b.startTime);

  const performance = {
    get timeOrigin() {
      return tools.clock.origin();
    },
    now: () => tools.clock.now(),
    toJSON: () => ({ timeOrigin: tools.clock.origin() }),
    mark,
    measure,
    clearMarks: clear("mark"),
    clearMeasures: clear("measure"),
    getEntries: () => inOrder([...entries]),
    getEntriesByType: (type) => inOrder(entries.filter((entry) => entry.entryType === `${type}`)),
    getEntriesByName: (name, type = undefined) =>
      inOrder(entries.filter((entry) => entry.name === `${name}` && (type === undefined || entry.entryType === `${type}`))),
  };
  return { performance };
}
