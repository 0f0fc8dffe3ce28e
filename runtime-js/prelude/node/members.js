// Members as the language's own classes have them: there, and not enumerated.

export default function members() {
  function setMembers(target, given) {
    for (const key of Reflect.ownKeys(given)) {
      const descriptor = Object.getOwnPropertyDescriptor(given, key);
      Object.defineProperty(target, key, { ...descriptor, enumerable: false, configurable: true });
    }
    return target;
  }
  return { setMembers };
}
