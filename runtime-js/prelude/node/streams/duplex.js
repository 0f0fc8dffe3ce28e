// Node's Duplex, Transform and PassThrough.

export default function duplexStreams(native, tools) {
  const { coded } = tools.part("node/errors");
  const { Stream, construct } = tools.part("node/streams/common");
  const { Readable, readableState, takeReadableOptions } = tools.part("node/streams/readable");
  const writables = tools.part("node/streams/writable");
  const { writableState, takeWritableOptions, writableMembers, writableViews, clearBuffer, finishIfDone } = writables;

  function Duplex(options = undefined) {
    if (!(this instanceof Duplex)) return new Duplex(options);
    Stream.call(this, options);
    this._readableState = readableState(options, this, true);
    this._writableState = writableState(options, this, true);
    this.allowHalfOpen = options?.allowHalfOpen !== false;
    if (options?.readable === false) Object.assign(this._readableState, { readable: false, ended: true, endEmitted: true });
    if (options?.writable === false) Object.assign(this._writableState, { writable: false, ending: true, ended: true, finished: true });
    const { signal, ...rest } = options ?? {};
    takeReadableOptions(this, rest);
    takeWritableOptions(this, options);
    construct(this, () => {
      clearBuffer(this, this._writableState);
      finishIfDone(this, this._writableState);
      if (this._readableState.needReadable) this.read(0);
    });
    return undefined;
  }
  Object.setPrototypeOf(Duplex.prototype, Readable.prototype);
  Object.setPrototypeOf(Duplex, Readable);
  Object.assign(Duplex.prototype, writableMembers);
  for (const [name, descriptor] of Object.entries(writableViews)) {
    if (name !== "destroyed" && name !== "closed" && name !== "errored") Object.defineProperty(Duplex.prototype, name, descriptor);
  }

  // --- transforms -------------------------------------------------------------------------------------------------

  const WAITING = Symbol("waiting");

  function Transform(options = undefined) {
    if (!(this instanceof Transform)) return new Transform(options);
    // What is read waits in one of the two buffers, not in both.
    const readable = options?.readableHighWaterMark ?? options?.highWaterMark;
    const given = readable === 0 ? { ...options, highWaterMark: null, readableHighWaterMark: 0, writableHighWaterMark: options.writableHighWaterMark ?? 0 } : options;
    Duplex.call(this, given);
    this._readableState.sync = false;
    this[WAITING] = null;
    if (typeof options?.transform === "function") this._transform = options.transform;
    if (typeof options?.flush === "function") this._flush = options.flush;
    // One whose _final is its own flushes all the same.
    this.on("prefinish", () => {
      if (this._final !== final) final.call(this, () => {});
    });
    return undefined;
  }
  Object.setPrototypeOf(Transform.prototype, Duplex.prototype);
  Object.setPrototypeOf(Transform, Duplex);

  function final(callback) {
    if (typeof this._flush !== "function" || this.destroyed) {
      this.push(null);
      callback();
      return;
    }
    this._flush((error, chunk) => {
      if (error) {
        callback(error);
        return;
      }
      if (chunk !== undefined && chunk !== null) this.push(chunk);
      this.push(null);
      callback();
    });
  }

  Object.assign(Transform.prototype, {
    _final: final,
    _transform() { throw coded(Error, "ERR_METHOD_NOT_IMPLEMENTED", "a Transform needs a method _transform"); },
    _write(chunk, encoding, callback) {
      const { _readableState: out, _writableState: state } = this;
      const before = out.length;
      const done = (error, made) => {
        if (error) {
          callback(error);
          return;
        }
        if (made !== undefined && made !== null) this.push(made);
        if (state.ended || before === out.length || out.length < out.highWaterMark) callback();
        else this[WAITING] = callback;
      };
      this._transform(chunk, encoding, done);
    },
    _read() {
      const callback = this[WAITING];
      if (!callback) return;
      this[WAITING] = null;
      callback();
    },
  });

  function PassThrough(options = undefined) {
    if (!(this instanceof PassThrough)) return new PassThrough(options);
    Transform.call(this, options);
    return undefined;
  }
  Object.setPrototypeOf(PassThrough.prototype, Transform.prototype);
  Object.setPrototypeOf(PassThrough, Transform);
  PassThrough.prototype._transform = (chunk, encoding, callback) => callback(null, chunk);

  return { Duplex, Transform, PassThrough };
}
