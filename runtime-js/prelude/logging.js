// The log of a processor: a hook has so many lines, and what is beyond them is counted and told at its end. Loaded with the
// first line.

export default function logging(native, tools) {
  const { log: tell, logLinesMax } = native;
  const { reducing, hook } = tools;

  function log(level, values, offset = reducing.active ? reducing.offset : hook().offset) {
    if (reducing.quiet) return;
    const current = hook();
    if (current.lines === logLinesMax) {
      current.dropped += 1;
      return;
    }
    current.lines += 1;
    tell(level, format(values).toWellFormed(), offset);
  }

  function reportDropped(hook) {
    const message = `${hook.dropped} more lines were dropped: a hook may log ${logLinesMax}`;
    hook.dropped = 0;
    tell("warn", message, hook.offset);
  }

  function format(values) {
    if (values.every((value) => typeof value === "string" && !value.includes("%"))) return values.join(" ");
    return tools.part("inspect").format(values);
  }

  return { log, reportDropped, format };
}
