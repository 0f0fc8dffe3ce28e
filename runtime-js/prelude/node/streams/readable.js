// Node's Readable.

export default function readableStreams(native, tools) {
  const { coded, wrongType } = tools.part("node/errors");
  const { Stream, soon, baseState, highWaterMarkOf, construct, destroy, fail, bytesAs } = tools.part("node/streams/common");
  const { Buffer } = tools.builtin("buffer");
  const { emit: emitEvent, on: listen, removeListener } = Stream.prototype;

  function Readable(options = undefined) {
    if (!(this instanceof Readable)) return new Readable(options);
    Stream.call(this, options);
    this._readableState = readableState(options, this, false);
    takeOptions(this, options);
    construct(this, () => this._readableState.needReadable && readMore(this, this._readableState));
    return undefined;
  }
  Object.setPrototypeOf(Readable.prototype, Stream.prototype);
  Object.setPrototypeOf(Readable, Stream);

  function readableState(options, stream, duplex) {
    const objectMode = Boolean(options?.objectMode || (duplex && options?.readableObjectMode));
    const mark = options?.highWaterMark === undefined && !duplex ? undefined : "readableHighWaterMark";
    const state = {
      ...baseState(options, stream, objectMode, highWaterMarkOf(options, mark ?? "highWaterMark", objectMode)),
      buffer: [],
      flowing: null,
      paused: false,
      ended: false,
      endEmitted: false,
      reading: false,
      readingMore: false,
      needReadable: false,
      emittedReadable: false,
      readableListening: false,
      resumeScheduled: false,
      dataEmitted: false,
      readable: true,
      pipes: [],
      awaiting: new Set(),
      defaultEncoding: options?.defaultEncoding ?? "utf8",
      decoder: null,
      encoding: null,
    };
    if (options?.encoding) setDecoder(state, options.encoding);
    return state;
  }

  function setDecoder(state, encoding) {
    state.decoder = new (tools.builtin("string_decoder").StringDecoder)(encoding);
    state.encoding = state.decoder.encoding;
  }

  function takeOptions(stream, options) {
    if (typeof options?.read === "function") stream._read = options.read;
    if (typeof options?.destroy === "function") stream._destroy = options.destroy;
    if (typeof options?.construct === "function") stream._construct = options.construct;
    if (options?.signal) tools.part("node/streams/ending").addAbortSignal(options.signal, stream);
  }

  // --- what comes in ------------------------------------------------------------------------------------------

  function addChunk(stream, given, encoding, front) {
    const state = stream._readableState;
    let chunk = given;
    let as = encoding;
    if (chunk === null) {
      state.reading = false;
      onEnd(stream, state);
      return false;
    }
    if (!state.objectMode) {
      if (typeof chunk === "string") {
        as ||= state.defaultEncoding;
        if (state.encoding !== as || front) {
          chunk = front && state.encoding ? chunk : Buffer.from(chunk, as);
          as = front && state.encoding ? state.encoding : "";
        }
      } else if (chunk instanceof Uint8Array) chunk = bytesAs(chunk);
      else if (chunk !== undefined) {
        fail(stream, wrongType("chunk", "a string, a Buffer or a Uint8Array", chunk));
        return false;
      }
    }
    if (!state.objectMode && !(chunk?.length > 0)) {
      state.reading = front ? state.reading : false;
      if (!front) readMoreSoon(stream, state);
    } else if (front) {
      if (state.endEmitted) fail(stream, coded(Error, "ERR_STREAM_UNSHIFT_AFTER_END_EVENT", "the stream has ended: nothing can be put back"));
      else if (!state.destroyed && !state.errored) hold(stream, state, chunk, true);
    } else if (state.ended) fail(stream, coded(Error, "ERR_STREAM_PUSH_AFTER_EOF", "the stream has ended: nothing can be pushed"));
    else if (state.destroyed || state.errored) return false;
    else {
      state.reading = false;
      const text = state.decoder && !as ? state.decoder.write(chunk) : chunk;
      if (state.objectMode || text.length > 0) hold(stream, state, text, false);
      else readMoreSoon(stream, state);
    }
    return !state.ended && (state.length < state.highWaterMark || state.length === 0);
  }

  const sizeOf = (state, chunk) => (state.objectMode ? 1 : chunk.length);

  function hold(stream, state, chunk, front) {
    if (state.flowing && state.length === 0 && !state.sync && stream.listenerCount("data") > 0) {
      state.dataEmitted = true;
      stream.emit("data", chunk);
    } else {
      state.length += sizeOf(state, chunk);
      if (front) state.buffer.unshift(chunk);
      else state.buffer.push(chunk);
      if (state.needReadable) announce(stream);
    }
    readMoreSoon(stream, state);
  }

  function onEnd(stream, state) {
    if (state.ended) return;
    const rest = state.decoder?.end();
    if (rest) {
      state.buffer.push(rest);
      state.length += sizeOf(state, rest);
    }
    state.ended = true;
    if (state.sync) announce(stream);
    else {
      state.needReadable = false;
      state.emittedReadable = true;
      emitReadable(stream);
    }
  }

  // --- what goes out ------------------------------------------------------------------------------------------

  function announce(stream) {
    const state = stream._readableState;
    state.needReadable = false;
    if (state.emittedReadable) return;
    state.emittedReadable = true;
    soon(emitReadable, stream);
  }

  function emitReadable(stream) {
    const state = stream._readableState;
    if (!state.destroyed && !state.errored && (state.length > 0 || state.ended)) {
      stream.emit("readable");
      state.emittedReadable = false;
    }
    state.needReadable = !state.flowing && !state.ended && state.length <= state.highWaterMark;
    flow(stream);
  }

  function flow(stream) {
    const state = stream._readableState;
    while (state.flowing && stream.read() !== null);
  }

  function readMoreSoon(stream, state) {
    if (state.readingMore || !state.constructed) return;
    state.readingMore = true;
    soon(readMore, stream, state);
  }

  function readMore(stream, state) {
    while (!state.reading && !state.ended && (state.length < state.highWaterMark || (state.flowing && state.length === 0))) {
      const before = state.length;
      stream.read(0);
      if (before === state.length) break;
    }
    state.readingMore = false;
  }

  function howMuch(count, state) {
    if (count <= 0 || (state.length === 0 && state.ended)) return 0;
    if (state.objectMode) return 1;
    if (Number.isNaN(count)) return state.flowing && state.length > 0 ? state.buffer[0].length : state.length;
    if (count <= state.length) return count;
    return state.ended ? state.length : 0;
  }

  /** Takes so much of what is held. */
  function take(count, state) {
    if (state.length === 0) return null;
    if (state.objectMode) return state.buffer.shift();
    const { buffer } = state;
    if (count >= state.length) {
      const all = buffer.length === 1 ? buffer[0] : state.decoder ? buffer.join("") : Buffer.concat(buffer);
      state.buffer = [];
      return all;
    }
    const parts = [];
    let left = count;
    while (left > 0) {
      const [head] = buffer;
      if (head.length <= left) parts.push(buffer.shift());
      else {
        parts.push(head.slice(0, left));
        buffer[0] = head.slice(left);
      }
      left -= Math.min(head.length, left);
    }
    return parts.length === 1 ? parts[0] : state.decoder ? parts.join("") : Buffer.concat(parts);
  }

  function read(size = undefined) {
    const state = this._readableState;
    const asked = size === undefined ? NaN : Math.trunc(Number(size));
    if (asked > state.highWaterMark) state.highWaterMark = 2 ** Math.ceil(Math.log2(asked));
    if (asked !== 0) state.emittedReadable = false;
    const enough = state.highWaterMark === 0 ? state.length > 0 : state.length >= state.highWaterMark;
    if (asked === 0 && state.needReadable && (enough || state.ended)) {
      if (state.length === 0 && state.ended) endSoon(this);
      else announce(this);
      return null;
    }
    let count = howMuch(asked, state);
    if (count === 0 && state.ended) {
      if (state.length === 0) endSoon(this);
      return null;
    }
    const low = state.needReadable || state.length === 0 || state.length - count < state.highWaterMark;
    if (low && !state.ended && !state.reading && !state.destroyed && !state.errored && state.constructed) {
      pull(this, state);
      if (!state.reading) count = howMuch(asked, state);
    }
    const chunk = count > 0 ? take(count, state) : null;
    if (chunk === null) {
      state.needReadable = state.length <= state.highWaterMark;
      count = 0;
    } else state.length -= count;
    if (state.length === 0) {
      if (!state.ended) state.needReadable = true;
      if (!Object.is(asked, count) && state.ended) endSoon(this);
    }
    if (chunk !== null && !state.errored && !state.closeEmitted) {
      state.dataEmitted = true;
      this.emit("data", chunk);
    }
    return chunk;
  }

  function pull(stream, state) {
    state.reading = true;
    state.sync = true;
    if (state.length === 0) state.needReadable = true;
    try {
      stream._read(state.highWaterMark);
    } catch (error) {
      fail(stream, error);
    }
    state.sync = false;
  }

  function endSoon(stream) {
    const state = stream._readableState;
    if (state.endEmitted) return;
    state.ended = true;
    soon(end, stream, state);
  }

  function end(stream, state) {
    if (state.errored || state.closeEmitted || state.endEmitted || state.length > 0) return;
    state.endEmitted = true;
    stream.emit("end");
    const other = stream._writableState;
    if (other && stream.allowHalfOpen === false && stream.writable) soon(() => !other.ending && !other.destroyed && stream.end());
    else if (state.autoDestroy && (!other || (other.autoDestroy && (other.finished || other.writable === false)))) stream.destroy();
  }

  // --- pipes ----------------------------------------------------------------------------------------------------

  function pipe(target, options = undefined) {
    const source = this;
    const state = source._readableState;
    state.pipes.push(target);
    const endsTarget = options?.end !== false && !target._isStdio;
    let done = false;

    function onData(chunk) {
      if (target.write(chunk) !== false || done) return;
      state.awaiting.add(target);
      source.pause();
    }
    function onDrain() {
      state.awaiting.delete(target);
      if (state.awaiting.size === 0 && source.listenerCount("data") > 0) source.resume();
    }
    function onEnd() {
      if (endsTarget) target.end();
      else unpipe();
    }
    function onError(error) {
      unpipe();
      target.removeListener("error", onError);
      if (target.listenerCount("error") > 0) return;
      const states = target._writableState ?? target._readableState;
      if (states && !states.errorEmitted) fail(target, error);
      else target.emit("error", error);
    }
    const unpipe = () => source.unpipe(target);
    function onUnpipe(from, info) {
      if (from !== source || info?.cleaned) return;
      if (info) info.cleaned = true;
      done = true;
      target.removeListener("close", onClose);
      target.removeListener("finish", onFinish);
      target.removeListener("drain", onDrain);
      target.removeListener("error", onError);
      target.removeListener("unpipe", onUnpipe);
      source.removeListener("end", onEnd);
      source.removeListener("data", onData);
      if (state.awaiting.delete(target) && !target._writableState?.needDrain) onDrain();
    }
    function onClose() {
      target.removeListener("finish", onFinish);
      unpipe();
    }
    function onFinish() {
      target.removeListener("close", onClose);
      unpipe();
    }

    target.on("drain", onDrain);
    target.on("unpipe", onUnpipe);
    source.on("data", onData);
    target.prependListener("error", onError);
    target.once("close", onClose);
    target.once("finish", onFinish);
    if (state.endEmitted) soon(onEnd);
    else source.once("end", onEnd);
    target.emit("pipe", source);
    if (target.writableNeedDrain === true) {
      state.awaiting.add(target);
      source.pause();
    } else if (!state.flowing) source.resume();
    return target;
  }

  function unpipe(target = undefined) {
    const state = this._readableState;
    const targets = target === undefined ? state.pipes.splice(0) : state.pipes.filter((known) => known === target);
    if (target !== undefined) state.pipes = state.pipes.filter((known) => known !== target);
    if (targets.length === 0) return this;
    if (state.pipes.length === 0) this.pause();
    for (const one of targets) one.emit("unpipe", this, { cleaned: false });
    return this;
  }

  // --- modes ----------------------------------------------------------------------------------------------------

  function on(type, listener) {
    listen.call(this, type, listener);
    const state = this._readableState;
    if (type === "data") {
      state.readableListening = this.listenerCount("readable") > 0;
      if (state.flowing !== false) this.resume();
    } else if (type === "readable" && !state.endEmitted && !state.readableListening) {
      state.readableListening = state.needReadable = true;
      state.flowing = false;
      state.emittedReadable = false;
      if (state.length > 0) announce(this);
      else if (!state.reading) soon(() => this.read(0));
    }
    return this;
  }

  function off(type, listener) {
    removeListener.call(this, type, listener);
    if (type === "readable") soon(updateListening, this);
    return this;
  }

  function updateListening(stream) {
    const state = stream._readableState;
    state.readableListening = stream.listenerCount("readable") > 0;
    if (state.resumeScheduled && !state.paused) state.flowing = true;
    else if (stream.listenerCount("data") > 0) stream.resume();
    else if (!state.readableListening) state.flowing = null;
  }

  function resume() {
    const state = this._readableState;
    if (!state.flowing) {
      state.flowing = !state.readableListening;
      if (!state.resumeScheduled) {
        state.resumeScheduled = true;
        soon(() => {
          if (!state.reading) this.read(0);
          state.resumeScheduled = false;
          this.emit("resume");
          flow(this);
          if (state.flowing && !state.reading) this.read(0);
        });
      }
    }
    state.paused = false;
    return this;
  }

  function pause() {
    const state = this._readableState;
    if (state.flowing !== false) {
      state.flowing = false;
      this.emit("pause");
    }
    state.paused = true;
    return this;
  }

  /** An async iterator over what comes; leaving it destroys the stream, unless that is not wanted. */
  async function* iterate(stream, destroyOnReturn = true) {
    const { finished } = tools.part("node/streams/ending");
    let wake = () => {};
    let ending;
    const onReadable = () => wake();
    stream.on("readable", onReadable);
    const stop = finished(stream, { writable: false }, (error) => {
      ending = { error };
      wake();
    });
    let failed = false;
    try {
      for (;;) {
        const chunk = stream.destroyed ? null : stream.read();
        if (chunk !== null) yield chunk;
        else if (ending?.error) throw ending.error;
        else if (ending) return;
        else await new Promise((resolve) => (wake = resolve));
      }
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      stop();
      if ((failed || destroyOnReturn) && (!ending || stream._readableState.autoDestroy)) stream.destroy();
      else stream.off("readable", onReadable);
    }
  }

  Object.assign(Readable.prototype, {
    read,
    pipe,
    unpipe,
    on,
    addListener: on,
    off,
    removeListener: off,
    resume,
    pause,
    destroy,
    emit: emitEvent,
    push(chunk, encoding) { return addChunk(this, chunk, encoding, false); },
    unshift(chunk, encoding) { return addChunk(this, chunk, encoding, true); },
    _read() { throw coded(Error, "ERR_METHOD_NOT_IMPLEMENTED", "a Readable needs a method _read"); },
    _destroy(error, callback) { callback(error); },
    isPaused() { return this._readableState.paused || this._readableState.flowing === false; },
    setEncoding(encoding) {
      const state = this._readableState;
      setDecoder(state, encoding);
      const text = state.buffer.map((chunk) => state.decoder.write(chunk)).join("");
      state.buffer = text === "" ? [] : [text];
      state.length = text.length;
      return this;
    },
    wrap(old) {
      old.on("data", (chunk) => {
        if (!this.push(chunk)) old.pause?.();
      });
      old.on("end", () => this.push(null));
      old.on("error", (error) => fail(this, error));
      this._read = () => old.resume?.();
      return this;
    },
    iterator(options = undefined) { return iterate(this, options?.destroyOnReturn !== false); },
    [Symbol.asyncIterator]() { return iterate(this); },
    [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
      this.destroy();
      return Promise.resolve();
    },
  });

  const views = {
    readable: (state) => state.readable && !state.destroyed && !state.errorEmitted && !state.endEmitted,
    readableFlowing: (state) => state.flowing,
    readableLength: (state) => state.length,
    readableHighWaterMark: (state) => state.highWaterMark,
    readableObjectMode: (state) => state.objectMode,
    readableEncoding: (state) => state.encoding,
    readableEnded: (state) => state.endEmitted,
    readableAborted: (state) => (state.destroyed || Boolean(state.errored)) && !state.endEmitted,
    readableDidRead: (state) => state.dataEmitted,
    destroyed: (state) => state.destroyed,
    closed: (state) => state.closed,
    errored: (state) => state.errored,
  };
  const setters = {
    readable(state, value) { state.readable = Boolean(value); },
    readableFlowing(state, value) { state.flowing = value; },
    destroyed(state, value) { state.destroyed = value; },
  };
  for (const [name, of] of Object.entries(views)) {
    Object.defineProperty(Readable.prototype, name, {
      get() { return this._readableState ? of(this._readableState) : false; },
      set: setters[name] && function (value) { if (this._readableState) setters[name](this._readableState, value); },
      enumerable: false,
      configurable: true,
    });
  }

  // --- from iterables -------------------------------------------------------------------------------------------

  Readable.from = function from(iterable, options = undefined) {
    if (typeof iterable === "string" || iterable instanceof Uint8Array) {
      return new Readable({ objectMode: true, ...options, read() { this.push(iterable); this.push(null); } });
    }
    const method = iterable?.[Symbol.asyncIterator] ?? iterable?.[Symbol.iterator];
    if (typeof method !== "function") throw wrongType("iterable", "an iterable", iterable);
    const iterator = method.call(iterable);
    let busy = false;
    const stream = new Readable({ objectMode: true, highWaterMark: 1, ...options });
    stream._read = function () {
      if (busy) return;
      busy = true;
      advance();
    };
    stream._destroy = (error, callback) => {
      const closing = async () => {
        if (error && iterator.throw) {
          const { value, done } = await iterator.throw(error);
          await value;
          if (done) return;
        }
        if (typeof iterator.return === "function") await (await iterator.return()).value;
      };
      closing().then(() => soon(callback, error), (newer) => soon(callback, newer ?? error));
    };
    async function advance() {
      try {
        for (;;) {
          const { value, done } = await iterator.next();
          if (done) {
            stream.push(null);
            return;
          }
          const chunk = await value;
          if (chunk === null) throw coded(TypeError, "ERR_STREAM_NULL_VALUES", "null cannot be a chunk");
          if (stream.push(chunk)) continue;
          busy = false;
          return;
        }
      } catch (error) {
        stream.destroy(error);
      }
    }
    return stream;
  };

  return { Readable, readableState, takeReadableOptions: takeOptions };
}
