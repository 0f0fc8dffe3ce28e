// Randomness: that of the machine, and in `reduce` one that the event determines: the same event gives the same numbers
// on any machine.

export default function randomness(native, tools) {
  const { reducing, nativeRandom } = tools;
  const { isDetermined } = tools.part("clock");
  const { random: machine } = tools.natives("random");

  /** FNV-1a over the text, stirred, as the four words of xoshiro128**. */
  function sequence(seed) {
    let hash = 0x811c9dc5;
    for (let at = 0; at < seed.length; at += 1) hash = Math.imul(hash ^ seed.charCodeAt(at), 0x01000193);
    const word = () => {
      hash = (hash + 0x9e3779b9) | 0;
      let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      return (mixed ^ (mixed >>> 16)) >>> 0;
    };
    let [a, b, c, d] = [word(), word(), word(), word()];
    const rotate = (value, by) => (value << by) | (value >>> (32 - by));
    return () => {
      const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = rotate(d, 11);
      return result;
    };
  }
  /** What one call of the machine gives at most. */
  const AT_ONCE = 65536;

  function bytes(length) {
    const made = new Uint8Array(length);
    if (isDetermined()) for (let at = 0; at < length; at += 1) made[at] = random32() >>> 24;
    else for (let at = 0; at < length; at += AT_ONCE) made.set(machine(Math.min(length - at, AT_ONCE)), at);
    return made;
  }

  function seed() {
    const { project, path, slug } = tools.stream;
    return `${project} ${path} ${slug} ${reducing.offset}`;
  }

  /** A number from 0 to 2^32 - 1, of a sequence that the event determines. */
  function random32() {
    reducing.random ??= sequence(seed());
    return reducing.random();
  }

  /** `Math.random`. */
  function random() {
    if (!isDetermined()) return nativeRandom();
    return (random32() * 0x200000 + (random32() >>> 11)) / 0x20000000000000;
  }

  return { bytes, machine, Math: { random } };
}
