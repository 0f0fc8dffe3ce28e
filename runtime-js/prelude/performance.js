// performance: the clock, and the marks and measures of the user-timing standard. Those are bounded: the oldest go first.

export default function performing(native, tools) {
  const clock = tools.part("clock");
  const { expose, inside, closed, dictionary, needs, isObject } = tools.part("idl");
  const { EventTarget } = tools.part("events");
  const ENTRIES_MAX = 1000;
  const TYPES = Object.freeze(["mark", "measure"]);
  let entries = [];
  /** The observers that have asked for something. */
  const observers = new Set();
  let notify;

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
    toJSON() {
      const { name, entryType, startTime, duration } = this.#held;
      return { name, entryType, startTime, duration };
    }
  }

  /** What a script notes with an entry, as it was then. */
  const detailOf = (detail) => (detail === undefined || detail === null ? null : structuredClone(detail));

  class PerformanceMark extends PerformanceEntry {
    #detail;
    constructor(name, options = undefined) {
      needs(1, arguments, "new PerformanceMark");
      const { startTime, detail } = dictionary(options, "the options of a mark");
      const start = startTime === undefined ? clock.now() : +startTime;
      if (!(start >= 0)) throw new TypeError("a mark cannot have a negative time");
      super(inside, { name: `${name}`, entryType: "mark", startTime: start, duration: 0 });
      this.#detail = detailOf(detail);
    }
    get detail() { return this.#detail; }
    toJSON() { return { ...super.toJSON(), detail: this.#detail }; }
  }

  class PerformanceMeasure extends PerformanceEntry {
    #detail;
    constructor(key, held, detail) {
      closed(key, "PerformanceMeasure");
      super(key, held);
      this.#detail = detailOf(detail);
    }
    get detail() { return this.#detail; }
    toJSON() { return { ...super.toJSON(), detail: this.#detail }; }
  }

  function add(entry) {
    entries.push(entry);
    if (entries.length > ENTRIES_MAX) entries.shift();
    for (const observer of observers) notify(observer, entry);
    return entry;
  }

  /** The time of a mark, or a time itself. */
  function timeOf(place) {
    if (typeof place === "number") {
      if (!(place >= 0)) throw new TypeError("a measure cannot have a negative time");
      return place;
    }
    const found = entries.findLast((entry) => entry.entryType === "mark" && entry.name === `${place}`);
    if (!found) throw new DOMException(`there is no mark ${JSON.stringify(`${place}`)}`, "SyntaxError");
    return found.startTime;
  }

  function measured(name, startOrOptions, endMark) {
    const hasOptions = isObject(startOrOptions) && ["start", "end", "duration", "detail"].some((key) => startOrOptions[key] !== undefined);
    const options = isObject(startOrOptions) ? startOrOptions : { start: startOrOptions ?? undefined, end: endMark };
    const { start, end = hasOptions ? undefined : endMark, duration, detail } = options;
    if (hasOptions) {
      if (endMark !== undefined) throw new TypeError("measure takes options or the name of an end mark, not both");
      if (start === undefined && end === undefined) throw new TypeError("measure needs a start or an end in its options");
      if (start !== undefined && end !== undefined && duration !== undefined) throw new TypeError("measure takes two of start, end and duration");
    }
    const to = end !== undefined ? timeOf(end) : start !== undefined && duration !== undefined ? timeOf(start) + timeOf(duration) : clock.now();
    const from = start !== undefined ? timeOf(start) : duration !== undefined ? to - timeOf(duration) : 0;
    return new PerformanceMeasure(inside, { name: `${name}`, entryType: "measure", startTime: from, duration: to - from }, detail);
  }

  const inOrder = (found) => found.sort((a, b) => a.startTime - b.startTime);
  const ofType = (found, type) => inOrder(found.filter((entry) => entry.entryType === `${type}`));
  const ofName = (found, name, type) =>
    inOrder(found.filter((entry) => entry.name === `${name}` && (type === undefined || entry.entryType === `${type}`)));

  class PerformanceObserverEntryList {
    #entries;
    constructor(key, found) {
      closed(key, "PerformanceObserverEntryList");
      this.#entries = found;
    }
    getEntries() { return inOrder([...this.#entries]); }
    getEntriesByType(type) { return ofType(this.#entries, type); }
    getEntriesByName(name, type = undefined) { return ofName(this.#entries, name, type); }
  }

  class PerformanceObserver {
    #callback;
    #types = [];
    #waiting = [];
    #scheduled = false;

    constructor(callback) {
      needs(1, arguments, "new PerformanceObserver");
      if (typeof callback !== "function") throw new TypeError("a PerformanceObserver takes a function");
      this.#callback = callback;
    }
    static {
      notify = (observer, entry) => {
        if (observer.#types.includes(entry.entryType)) observer.#take([entry]);
      };
    }
    static get supportedEntryTypes() { return TYPES; }

    #take(found) {
      if (found.length === 0) return;
      this.#waiting.push(...found.slice(-ENTRIES_MAX));
      if (this.#waiting.length > ENTRIES_MAX) this.#waiting.splice(0, this.#waiting.length - ENTRIES_MAX);
      if (this.#scheduled) return;
      this.#scheduled = true;
      tools.part("timers").task("a PerformanceObserver", () => {
        this.#scheduled = false;
        const list = this.takeRecords();
        if (list.length > 0) tools.part("uncaught").guarded(this.#callback.bind(this), [new PerformanceObserverEntryList(inside, list), this]);
      });
    }

    observe(options = undefined) {
      const { entryTypes, type, buffered } = dictionary(options, "the options of observe");
      if ((entryTypes === undefined) === (type === undefined)) throw new TypeError("observe takes `entryTypes` or `type`");
      const wanted = (entryTypes === undefined ? [`${type}`] : Array.from(entryTypes, String)).filter((one) => TYPES.includes(one));
      if (wanted.length === 0) return;
      this.#types = entryTypes === undefined ? [...this.#types, ...wanted] : wanted;
      observers.add(this);
      if (buffered && type !== undefined) this.#take(entries.filter((entry) => wanted.includes(entry.entryType)));
    }
    disconnect() {
      observers.delete(this);
      this.#types = [];
      this.#waiting = [];
    }
    takeRecords() { return this.#waiting.splice(0); }
  }

  class Performance extends EventTarget {
    constructor(key) {
      closed(key, "Performance");
      super();
    }
    get timeOrigin() { return clock.origin(); }
    now() { return clock.now(); }
    toJSON() { return { timeOrigin: clock.origin() }; }
    mark(name, options = undefined) {
      needs(1, arguments, "mark");
      return add(new PerformanceMark(name, options));
    }
    measure(name, startOrOptions = undefined, endMark = undefined) {
      needs(1, arguments, "measure");
      return add(measured(name, startOrOptions, endMark));
    }
    clearMarks(name = undefined) { clear("mark", name); }
    clearMeasures(name = undefined) { clear("measure", name); }
    getEntries() { return inOrder([...entries]); }
    getEntriesByType(type) { return ofType(entries, type); }
    getEntriesByName(name, type = undefined) { return ofName(entries, name, type); }
  }

  function clear(entryType, name) {
    entries = entries.filter((entry) => entry.entryType !== entryType || (name !== undefined && entry.name !== `${name}`));
  }

  const types = { Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList };
  for (const type of Object.values(types)) expose(type);
  return { performance: new Performance(inside), ...types };
}
