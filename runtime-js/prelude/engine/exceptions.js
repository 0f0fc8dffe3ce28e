// The class of the web's own errors.

export default (native, tools) => ({ DOMException: tools.part("engine/made").make("DOMException") });
