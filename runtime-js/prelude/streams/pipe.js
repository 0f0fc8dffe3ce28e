// Piping: from a readable stream into a writable one, with backpressure, until either has come to its end.

export default function piping(native, tools) {
  const { resolved } = tools.part("idl");
  const { react, handled, ignore, deferred } = tools.part("streams/common");
  const { Reader } = tools.part("streams/state");
  const { Writer } = tools.part("streams/writable");

  function pipe(source, target, { preventClose, preventAbort, preventCancel, signal }) {
    const reader = new Reader(source, false);
    const writer = new Writer(target);
    source.disturbed = true;
    const finished = deferred();
    let shuttingDown = false;
    let lastWrite = resolved(undefined);
    let stopListening = ignore;

    if (signal) {
      const onAbort = () => abortWith(signal.reason);
      if (signal.aborted) {
        onAbort();
        return finished.promise;
      }
      stopListening = tools.part("abort").onAbort(signal, onAbort);
    }

    function abortWith(reason) {
      const actions = [];
      if (!preventAbort) actions.push(() => (target.state === "writable" ? target.abort(reason) : resolved(undefined)));
      if (!preventCancel) actions.push(() => (source.state === "readable" ? source.cancel(reason) : resolved(undefined)));
      shutDown(() => allOf(actions.map((act) => act())), true, reason);
    }

    // --- the ends of either, noticed as soon as they come ---------------------------------------------------

    onError(source, reader, (error) => shutDown(preventAbort ? undefined : () => target.abort(error), true, error));
    onError(target, writer, (error) => shutDown(preventCancel ? undefined : () => source.cancel(error), true, error));
    onClose(source, reader, () => shutDown(preventClose ? undefined : () => writer.closeWithErrorPropagation()));
    if (target.closing || target.state === "closed") {
      const error = new TypeError("the stream that is piped into is closed already");
      shutDown(preventCancel ? undefined : () => source.cancel(error), true, error);
    }
    handled(step());
    return finished.promise;

    // --- chunk by chunk -------------------------------------------------------------------------------------

    function step() {
      if (shuttingDown) return resolved(undefined);
      return react(writer.ready.promise, () => {
        if (shuttingDown) return;
        reader.read({
          // Never while the source enqueues: its author is in the middle of something.
          chunk(chunk) {
            const written = react(resolved(undefined), () => {
              const write = writer.write(chunk);
              handled(step());
              return write;
            });
            lastWrite = react(written, undefined, ignore);
          },
          close: ignore,
          error: ignore,
        });
      });
    }

    /** What has been read is written, whatever happens. */
    function writesFinished() {
      const waitedFor = lastWrite;
      return react(waitedFor, () => (waitedFor === lastWrite ? undefined : writesFinished()));
    }

    function shutDown(action, failed = false, error = undefined) {
      if (shuttingDown) return;
      shuttingDown = true;
      const act = () => {
        if (!action) return end(failed, error);
        react(
          action(),
          () => end(failed, error),
          (newer) => end(true, newer),
        );
      };
      if (target.state === "writable" && !target.closing) react(writesFinished(), act);
      else act();
    }

    function end(failed, error) {
      writer.release();
      reader.release();
      stopListening();
      if (failed) finished.reject(error);
      else finished.resolve(undefined);
    }
  }

  function onError(stream, holder, act) {
    if (stream.state === "errored") act(stream.error);
    else react(holder.closed.promise, undefined, act);
  }

  function onClose(stream, holder, act) {
    if (stream.state === "closed") act();
    else react(holder.closed.promise, act, ignore);
  }

  /** Done when all are, and failed with the first failure; never sees a patched `Promise`. */
  function allOf(promises) {
    const all = deferred();
    let left = promises.length;
    if (left === 0) all.resolve(undefined);
    for (const promise of promises) {
      react(promise, () => --left === 0 && all.resolve(undefined), (error) => all.reject(error));
    }
    return all.promise;
  }

  return { pipe };
}
