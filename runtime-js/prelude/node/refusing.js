// What Node has and processors do not. The names are there, because packages import many that they never use;
// whoever calls one is told.

export default function refusing(native, tools) {
  const { coded } = tools.part("node/errors");

  /** Functions that refuse, by these names. */
  function refuse(module, names) {
    return Object.fromEntries(
      names.map((name) => {
        const refused = {
          [name]: function () {
            throw coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", `${module}.${name} is not available to processors`);
          },
        }[name];
        return [name, refused];
      }),
    );
  }
  return { refuse };
}
