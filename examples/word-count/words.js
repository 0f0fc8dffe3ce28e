// The words of a text, in lower case: a module of its own, to show that a processor may have several.

export function words(text) {
  return String(text).toLowerCase().match(/\p{L}+/gu) ?? [];
}
