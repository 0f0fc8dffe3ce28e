// Splitting a readable stream in two.

export default function teeing(native, tools) {
  const { resolved } = tools.part("idl");
  const { react, deferred } = tools.part("streams/common");
  const { Reader } = tools.part("streams/state");
  const { streamOf } = tools.part("streams/default");

  /** `cloneForSecond`: chunks are cloned for the second branch, as when a body is cloned. */
  function tee(stream, cloneForSecond = false) {
    return stream.controller.isBytes ? teeBytes(stream) : teeChunks(stream, cloneForSecond);
  }

  const nothing = () => undefined;

  /** What both kinds share: the source is cancelled once both branches are. */
  function cancelling(stream) {
    const canceled = [false, false];
    const reasons = [undefined, undefined];
    const done = deferred();
    const cancel = (branch) => (reason) => {
      canceled[branch] = true;
      reasons[branch] = reason;
      if (canceled[1 - branch]) done.resolve(stream.cancel([...reasons]));
      return done.promise;
    };
    return { canceled, done, cancel };
  }

  function teeChunks(stream, cloneForSecond) {
    const reader = new Reader(stream, false);
    const { canceled, done, cancel } = cancelling(stream);
    let reading = false;
    let readAgain = false;
    const branches = [];
    const each = (act) => branches.forEach((branch, at) => canceled[at] || act(branch.controller));

    const request = {
      chunk: (chunk) => tools.microtask(() => {
        readAgain = false;
        let second = chunk;
        if (!canceled[1] && cloneForSecond) {
          try {
            second = tools.part("clone").structuredClone(chunk);
          } catch (error) {
            for (const branch of branches) branch.controller.error(error);
            done.resolve(stream.cancel(error));
            return;
          }
        }
        if (!canceled[0]) branches[0].controller.enqueue(chunk);
        if (!canceled[1]) branches[1].controller.enqueue(second);
        reading = false;
        if (readAgain) pull();
      }),
      close() {
        reading = false;
        each((controller) => controller.close());
        if (!canceled[0] || !canceled[1]) done.resolve(undefined);
      },
      error() {
        reading = false;
      },
    };

    function pull() {
      if (reading) readAgain = true;
      else {
        reading = true;
        reader.read(request);
      }
      return resolved(undefined);
    }

    for (const at of [0, 1]) branches.push(streamOf({ start: nothing, pull, cancel: cancel(at) }));
    react(reader.closed.promise, undefined, (error) => {
      for (const branch of branches) branch.controller.error(error);
      if (!canceled[0] || !canceled[1]) done.resolve(undefined);
    });
    return branches;
  }

  function teeBytes(stream) {
    const { byteStreamOf } = tools.part("streams/bytes");
    let reader = new Reader(stream, false);
    const { canceled, done, cancel } = cancelling(stream);
    let reading = false;
    const readAgain = [false, false];
    const branches = [];

    function failAll(error) {
      for (const branch of branches) branch.controller.error(error);
      done.resolve(stream.cancel(error));
    }

    /** A copy for the other branch; nothing when it cannot be made, and then all is at its end. */
    function copyOf(chunk) {
      try {
        return new Uint8Array(chunk.buffer.slice(chunk.byteOffset, chunk.byteOffset + chunk.byteLength));
      } catch (error) {
        failAll(error);
        return undefined;
      }
    }

    function goOn() {
      reading = false;
      if (readAgain[0]) pull(0);
      else if (readAgain[1]) pull(1);
    }

    function follow(current) {
      react(current.closed.promise, undefined, (error) => {
        if (current !== reader) return;
        for (const branch of branches) branch.controller.error(error);
        if (!canceled[0] || !canceled[1]) done.resolve(undefined);
      });
    }

    function use(byob) {
      if (reader.byob === byob) return;
      reader.release();
      reader = new Reader(stream, byob);
      follow(reader);
    }

    const request = {
      chunk: (chunk) => tools.microtask(() => {
        readAgain.fill(false);
        let second = chunk;
        if (!canceled[0] && !canceled[1] && !(second = copyOf(chunk))) return;
        if (!canceled[0]) branches[0].controller.enqueue(chunk);
        if (!canceled[1]) branches[1].controller.enqueue(second);
        goOn();
      }),
      close() {
        reading = false;
        branches.forEach((branch, at) => canceled[at] || branch.controller.close());
        for (const { controller } of branches) if (controller.pending.length > 0) controller.respond(0);
        if (!canceled[0] || !canceled[1]) done.resolve(undefined);
      },
      error() {
        reading = false;
      },
    };

    const requestInto = (at) => ({
      chunk: (chunk) => tools.microtask(() => {
        readAgain.fill(false);
        const [mine, other] = [branches[at].controller, branches[1 - at].controller];
        const copy = canceled[1 - at] ? undefined : copyOf(chunk);
        if (!canceled[1 - at] && !copy) return;
        if (!canceled[at]) mine.respondWithNewView(chunk);
        if (copy) other.enqueue(copy);
        goOn();
      }),
      close(chunk) {
        reading = false;
        const [mine, other] = [branches[at].controller, branches[1 - at].controller];
        if (!canceled[at]) mine.close();
        if (!canceled[1 - at]) other.close();
        if (chunk !== undefined) {
          if (!canceled[at]) mine.respondWithNewView(chunk);
          if (!canceled[1 - at] && other.pending.length > 0) other.respond(0);
        }
        if (!canceled[0] || !canceled[1]) done.resolve(undefined);
      },
      error() {
        reading = false;
      },
    });

    function pull(at) {
      if (reading) {
        readAgain[at] = true;
        return resolved(undefined);
      }
      reading = true;
      const asked = branches[at].controller.request();
      if (asked === null) {
        use(false);
        reader.read(request);
      } else {
        use(true);
        reader.readInto(asked.view, 1, requestInto(at));
      }
      return resolved(undefined);
    }

    for (const at of [0, 1]) branches.push(byteStreamOf({ start: nothing, pull: () => pull(at), cancel: cancel(at) }));
    follow(reader);
    return branches;
  }

  return { tee };
}
