// node:path/posix.

export default (native, tools) => tools.builtin("path").posix;
