// The methods of the language's own types that depend on a locale: what they do is Intl's.

export default function localeMethods(native, tools) {
  const method = (type, name) => ({ [name](...given) { return tools.part("intl").localized(type, name, this, given); } })[name];
  const methods = (type, ...names) => Object.fromEntries(names.map((name) => [name, method(type, name)]));
  return {
    Number: methods("Number", "toLocaleString"),
    BigInt: methods("BigInt", "toLocaleString"),
    String: methods("String", "localeCompare"),
    Date: methods("Date", "toLocaleString", "toLocaleDateString", "toLocaleTimeString"),
  };
}
