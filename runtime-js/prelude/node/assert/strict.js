// node:assert/strict.

export default (native, tools) => tools.builtin("assert").strict;
