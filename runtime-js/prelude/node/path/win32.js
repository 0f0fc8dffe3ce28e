// node:path/win32.

export default (native, tools) => tools.builtin("path").win32;
