// Readable.pipe and unpipe: chunks go on as they come, and wait when the target does.

export default function piping(native, tools) {
  const { soon, fail } = tools.part("node/streams/common");

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

  return { pipe, unpipe };
}
