// The controller of a readable stream of bytes: it can fill the buffers that its readers bring.

export default function byteController(native, tools) {
  const { expose, inside, closed, resolved, integer } = tools.part("idl");
  const { react, Fifo } = tools.part("streams/common");
  const { Readable } = tools.part("streams/state");
  const { transfer, viewParts, viewConstructor } = tools.part("streams/buffers");

  /** A buffer to fill, of a reader or allocated for one. `readerType` is "none" once its reader was released. */
  class PullInto {
    buffer;
    bufferByteLength;
    byteOffset;
    byteLength;
    bytesFilled = 0;
    minimumFill;
    elementSize;
    View;
    readerType;

    constructor(buffer, byteOffset, byteLength, minimumFill, View, readerType) {
      this.buffer = buffer;
      this.bufferByteLength = buffer.byteLength;
      this.byteOffset = byteOffset;
      this.byteLength = byteLength;
      this.minimumFill = minimumFill;
      this.elementSize = View.BYTES_PER_ELEMENT ?? 1;
      this.View = View;
      this.readerType = readerType;
    }
    view() {
      const { View, byteOffset, bytesFilled, elementSize } = this;
      return new View(transfer(this.buffer), byteOffset, bytesFilled / elementSize);
    }
  }

  class ByteController {
    // Each field is the object's own, so that no script can reach it through Object.prototype.
    isBytes = true;
    stream;
    pull;
    cancel;
    highWaterMark;
    autoAllocateChunkSize;
    chunks = new Fifo();
    total = 0;
    started = false;
    closeRequested = false;
    pulling = false;
    pullAgain = false;
    byobRequest = null;
    pending = [];
    wrapper = undefined;

    constructor(stream, { start, pull, cancel }, highWaterMark, autoAllocateChunkSize) {
      this.stream = stream;
      this.pull = pull;
      this.cancel = cancel;
      this.highWaterMark = highWaterMark;
      this.autoAllocateChunkSize = autoAllocateChunkSize;
      stream.controller = this;
      react(
        resolved(start(this)),
        () => {
          this.started = true;
          this.pullIfNeeded();
        },
        (error) => this.error(error),
      );
    }

    get visible() { return (this.wrapper ??= new ReadableByteStreamController(inside, this)); }

    get desiredSize() {
      if (this.stream.state === "errored") return null;
      return this.stream.state === "closed" ? 0 : this.highWaterMark - this.total;
    }

    get canClose() { return !this.closeRequested && this.stream.state === "readable"; }

    get wantsMore() {
      if (!this.canClose || !this.started) return false;
      return this.stream.waiting(false) > 0 || this.stream.waiting(true) > 0 || this.desiredSize > 0;
    }

    pullIfNeeded() {
      if (!this.wantsMore) return;
      if (this.pulling) {
        this.pullAgain = true;
        return;
      }
      this.pulling = true;
      react(
        this.pull(this),
        () => {
          this.pulling = false;
          if (!this.pullAgain) return;
          this.pullAgain = false;
          this.pullIfNeeded();
        },
        (error) => this.error(error),
      );
    }

    // --- the author's side ------------------------------------------------------------------------------

    close() {
      if (!this.canClose) return;
      if (this.total > 0) {
        this.closeRequested = true;
        return;
      }
      const [first] = this.pending;
      if (first && first.bytesFilled % first.elementSize !== 0) {
        const error = new TypeError("the stream was closed in the middle of an element of the reader's view");
        this.error(error);
        throw error;
      }
      this.#end();
    }

    error(error) {
      if (this.stream.state !== "readable") return;
      this.#clearPending();
      this.#clearQueue();
      this.#forget();
      this.stream.fail(error);
    }

    enqueue(view) {
      if (!this.canClose) return;
      const { buffer, byteOffset, byteLength } = viewParts(view);
      const held = transfer(buffer);
      const [first] = this.pending;
      if (first) {
        if (first.buffer.detached) throw new TypeError("the buffer of the reader's view is detached, and cannot be filled");
        this.#invalidateRequest();
        first.buffer = transfer(first.buffer);
        if (first.readerType === "none") this.#enqueueAbandoned(first);
      }
      if (this.stream.reader?.byob === false) {
        this.#serveReads();
        if (this.stream.waiting(false) === 0) this.#push(held, byteOffset, byteLength);
        else {
          if (this.pending.length > 0) this.pending.shift();
          this.stream.fulfil(new Uint8Array(held, byteOffset, byteLength), false);
        }
      } else {
        this.#push(held, byteOffset, byteLength);
        if (this.stream.reader?.byob) this.#commitAll(this.#fillPending());
      }
      this.pullIfNeeded();
    }

    /** What the author fills now. */
    request() {
      const [first] = this.pending;
      if (this.byobRequest === null && first) {
        const { buffer, byteOffset, byteLength, bytesFilled } = first;
        const view = new Uint8Array(buffer, byteOffset + bytesFilled, byteLength - bytesFilled);
        this.byobRequest = new ReadableStreamBYOBRequest(inside, this, view);
      }
      return this.byobRequest;
    }

    respond(bytesWritten) {
      const [first] = this.pending;
      if (this.stream.state === "closed") {
        if (bytesWritten !== 0) throw new TypeError("the stream is closed: only 0 bytes can be answered");
      } else {
        if (bytesWritten === 0) throw new TypeError("0 bytes can be answered only once the stream is closed");
        if (first.bytesFilled + bytesWritten > first.byteLength) throw new RangeError("more bytes were answered than the view holds");
      }
      first.buffer = transfer(first.buffer);
      this.#respond(first, bytesWritten);
    }

    respondWithNewView(view) {
      const [first] = this.pending;
      const { buffer, byteOffset, byteLength } = viewParts(view);
      if (this.stream.state === "closed") {
        if (byteLength !== 0) throw new TypeError("the stream is closed: only an empty view can be answered");
      } else if (byteLength === 0) throw new TypeError("an empty view can be answered only once the stream is closed");
      if (first.byteOffset + first.bytesFilled !== byteOffset) throw new RangeError("the view answered begins elsewhere than the one that was given");
      if (first.bufferByteLength !== buffer.byteLength) throw new RangeError("the buffer answered has another length than the one that was given");
      if (first.bytesFilled + byteLength > first.byteLength) throw new RangeError("the view answered is longer than the one that was given");
      first.buffer = transfer(buffer);
      this.#respond(first, byteLength);
    }

    // --- the reader's side ------------------------------------------------------------------------------

    cancelSteps(reason) {
      this.#clearPending();
      this.#clearQueue();
      const result = this.cancel(reason);
      this.#forget();
      return result;
    }

    pullSteps(request) {
      if (this.total > 0) {
        this.#serveRead(request);
        return;
      }
      const size = this.autoAllocateChunkSize;
      if (size !== undefined) {
        let buffer;
        try {
          buffer = new ArrayBuffer(size);
        } catch (error) {
          request.error(error);
          return;
        }
        this.pending.push(new PullInto(buffer, 0, size, 1, Uint8Array, "default"));
      }
      this.stream.reader.requests.push(request);
      this.pullIfNeeded();
    }

    pullInto(view, min, request) {
      const View = viewConstructor(view);
      const elementSize = View.BYTES_PER_ELEMENT ?? 1;
      const { byteOffset, byteLength } = view;
      let buffer;
      try {
        buffer = transfer(view.buffer);
      } catch (error) {
        request.error(error);
        return;
      }
      const into = new PullInto(buffer, byteOffset, byteLength, min * elementSize, View, "byob");
      const { stream } = this;
      if (this.pending.length > 0) {
        this.pending.push(into);
        stream.reader.requests.push(request);
        return;
      }
      if (stream.state === "closed") {
        request.close(new View(into.buffer, into.byteOffset, 0));
        return;
      }
      if (this.total > 0) {
        if (this.#fill(into)) {
          const filled = into.view();
          this.#drained();
          request.chunk(filled);
          return;
        }
        if (this.closeRequested) {
          const error = new TypeError("the stream ends in the middle of an element of the reader's view");
          this.error(error);
          request.error(error);
          return;
        }
      }
      this.pending.push(into);
      stream.reader.requests.push(request);
      this.pullIfNeeded();
    }

    releaseSteps() {
      const [first] = this.pending;
      if (!first) return;
      first.readerType = "none";
      this.pending = [first];
    }

    // --- inside -----------------------------------------------------------------------------------------

    #end() {
      this.#forget();
      this.stream.close();
    }

    #forget() {
      this.pull = this.cancel = undefined;
    }

    #clearQueue() {
      this.chunks.take();
      this.total = 0;
    }

    #clearPending() {
      this.#invalidateRequest();
      this.pending = [];
    }

    #invalidateRequest() {
      if (this.byobRequest === null) return;
      invalidate(this.byobRequest);
      this.byobRequest = null;
    }

    #push(buffer, byteOffset, byteLength) {
      this.chunks.push({ buffer, byteOffset, byteLength });
      this.total += byteLength;
    }

    #pushCopy(buffer, byteOffset, byteLength) {
      let copy;
      try {
        copy = buffer.slice(byteOffset, byteOffset + byteLength);
      } catch (error) {
        this.error(error);
        throw error;
      }
      this.#push(copy, 0, byteLength);
    }

    #enqueueAbandoned(into) {
      if (into.bytesFilled > 0) this.#pushCopy(into.buffer, into.byteOffset, into.bytesFilled);
      this.pending.shift();
    }

    #commit(into) {
      this.stream.fulfil(into.view(), this.stream.state === "closed");
    }

    #commitAll(filled) {
      for (const into of filled) this.#commit(into);
    }

    /** Copies from the queue; whether it is as full as its reader asked. */
    #fill(into) {
      const most = Math.min(this.total, into.byteLength - into.bytesFilled);
      const filled = into.bytesFilled + most;
      const aligned = filled - (filled % into.elementSize);
      const ready = aligned >= into.minimumFill;
      let left = ready ? aligned - into.bytesFilled : most;
      while (left > 0) {
        const head = this.chunks.first;
        const count = Math.min(left, head.byteLength);
        const target = new Uint8Array(into.buffer, into.byteOffset + into.bytesFilled, count);
        target.set(new Uint8Array(head.buffer, head.byteOffset, count));
        if (head.byteLength === count) this.chunks.shift();
        else {
          head.byteOffset += count;
          head.byteLength -= count;
        }
        this.total -= count;
        into.bytesFilled += count;
        left -= count;
      }
      return ready;
    }

    #fillPending() {
      const filled = [];
      while (this.pending.length > 0 && this.total > 0) {
        if (!this.#fill(this.pending[0])) continue;
        filled.push(this.pending.shift());
      }
      return filled;
    }

    #serveReads() {
      const { requests } = this.stream.reader;
      while (requests.length > 0 && this.total > 0) this.#serveRead(requests.shift());
    }

    #serveRead(request) {
      const { buffer, byteOffset, byteLength } = this.chunks.shift();
      this.total -= byteLength;
      this.#drained();
      request.chunk(new Uint8Array(buffer, byteOffset, byteLength));
    }

    #drained() {
      if (this.total === 0 && this.closeRequested) this.#end();
      else this.pullIfNeeded();
    }

    #respond(first, bytesWritten) {
      this.#invalidateRequest();
      if (this.stream.state === "closed") this.#respondClosed(first);
      else this.#respondReadable(first, bytesWritten);
      this.pullIfNeeded();
    }

    #respondClosed(first) {
      if (first.readerType === "none") this.pending.shift();
      if (!this.stream.reader?.byob) return;
      this.#commitAll(this.pending.splice(0, this.stream.waiting(true)));
    }

    #respondReadable(into, bytesWritten) {
      into.bytesFilled += bytesWritten;
      if (into.readerType === "none") {
        this.#enqueueAbandoned(into);
        this.#commitAll(this.#fillPending());
        return;
      }
      if (into.bytesFilled < into.minimumFill) return;
      this.pending.shift();
      const remainder = into.bytesFilled % into.elementSize;
      if (remainder > 0) {
        this.#pushCopy(into.buffer, into.byteOffset + into.bytesFilled - remainder, remainder);
        into.bytesFilled -= remainder;
      }
      const filled = this.#fillPending();
      this.#commit(into);
      this.#commitAll(filled);
    }
  }

  let invalidate;

  class ReadableStreamBYOBRequest {
    #controller;
    #view;
    constructor(key, controller, view) {
      closed(key, "ReadableStreamBYOBRequest");
      this.#controller = controller;
      this.#view = view;
    }
    static {
      invalidate = (request) => {
        request.#controller = undefined;
        request.#view = null;
      };
    }

    get view() { return this.#view; }
    respond(bytesWritten) {
      const controller = this.#controller;
      if (arguments.length === 0) throw new TypeError("respond takes the number of bytes written");
      const count = integer(bytesWritten, "the number of bytes written");
      if (!controller) throw new TypeError("this request has been answered already");
      if (this.#view.buffer.detached) throw new TypeError("the buffer of the view is detached");
      controller.respond(count);
    }
    respondWithNewView(view) {
      const controller = this.#controller;
      if (!ArrayBuffer.isView(view)) throw new TypeError("respondWithNewView takes a view of a buffer");
      if (!controller) throw new TypeError("this request has been answered already");
      if (view.buffer.detached) throw new TypeError("the buffer of the view is detached");
      controller.respondWithNewView(view);
    }
  }

  class ReadableByteStreamController {
    #inner;
    constructor(key, inner) {
      closed(key, "ReadableByteStreamController");
      this.#inner = inner;
    }

    get byobRequest() { return this.#inner.request(); }
    get desiredSize() { return this.#inner.desiredSize; }
    close() {
      if (!this.#inner.canClose) throw new TypeError("the stream cannot be closed: it is closed already, or has failed");
      this.#inner.close();
    }
    enqueue(chunk) {
      const inner = this.#inner;
      if (!ArrayBuffer.isView(chunk)) throw new TypeError("enqueue takes a view of a buffer, as this is a stream of bytes");
      if (chunk.byteLength === 0) throw new TypeError("an empty view cannot be enqueued");
      if (chunk.buffer.byteLength === 0) throw new TypeError("a view of an empty buffer cannot be enqueued");
      if (!inner.canClose) throw new TypeError("nothing can be enqueued: the stream is closed, or has failed");
      inner.enqueue(chunk);
    }
    error(error = undefined) { this.#inner.error(error); }
  }

  /** A stream of bytes of the prelude's own making. */
  function byteStreamOf(source) {
    const stream = new Readable();
    new ByteController(stream, source, 0, undefined);
    return stream;
  }

  for (const type of [ReadableStreamBYOBRequest, ReadableByteStreamController]) {
    expose(type);
    Object.defineProperty(type, "length", { value: 0, configurable: true });
  }
  return { ByteController, byteStreamOf, ReadableStreamBYOBRequest, ReadableByteStreamController };
}
