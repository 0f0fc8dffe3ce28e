// The built-in modules of Node that isolates have, as far as they have them. Left out when the author installed
// `@types/node`.

declare var process: import("node:process").Process;
type Buffer = import("node:buffer").Buffer;
type BufferEncoding = import("node:buffer").BufferEncoding;

declare namespace NodeJS {
  interface ProcessEnv {
    [name: string]: string | undefined;
  }
  interface ErrnoException extends Error {
    errno?: number;
    code?: string;
    path?: string;
    syscall?: string;
  }
  type ArrayBufferView = globalThis.ArrayBufferView;
  type TypedArray = Uint8Array | Uint8ClampedArray | Uint16Array | Uint32Array | Int8Array | Int16Array | Int32Array | BigUint64Array | BigInt64Array | Float32Array | Float64Array;
  type Timeout = number;
  type Timer = number;
  type Immediate = number;
}

declare module "node:process" {
  export interface Process {
    env: NodeJS.ProcessEnv;
    readonly argv: string[];
    readonly platform: string;
    readonly version: string;
    readonly versions: Record<string, string>;
    cwd(): string;
    hrtime: { (since?: [number, number]): [number, number]; bigint(): bigint };
    nextTick(callback: (...values: any[]) => void, ...values: any[]): void;
    emitWarning(warning: string | Error, ...rest: any[]): void;
    on(event: string, listener: (...values: any[]) => void): this;
    once(event: string, listener: (...values: any[]) => void): this;
    off(event: string, listener: (...values: any[]) => void): this;
  }
  const process: Process;
  export const env: NodeJS.ProcessEnv;
  export const argv: string[];
  export const platform: string;
  export const version: string;
  export const versions: Record<string, string>;
  export function cwd(): string;
  export const hrtime: Process["hrtime"];
  export function nextTick(callback: (...values: any[]) => void, ...values: any[]): void;
  export default process;
}

declare module "node:buffer" {
  export type BufferEncoding =
    | "ascii" | "base64" | "base64url" | "binary" | "hex" | "latin1" | "ucs-2" | "ucs2" | "utf-8" | "utf16le" | "utf-16le" | "utf8";
  export interface Buffer extends Uint8Array<ArrayBuffer> {
    compare(other: Uint8Array, otherStart?: number, otherEnd?: number, start?: number, end?: number): -1 | 0 | 1;
    copy(into: Uint8Array, intoStart?: number, start?: number, end?: number): number;
    equals(other: Uint8Array): boolean;
    fill(value: string | Uint8Array | number, offset?: number, end?: number, encoding?: BufferEncoding): this;
    includes(value: string | number | Uint8Array, offset?: number, encoding?: BufferEncoding): boolean;
    indexOf(value: string | number | Uint8Array, offset?: number, encoding?: BufferEncoding): number;
    lastIndexOf(value: string | number | Uint8Array, offset?: number, encoding?: BufferEncoding): number;
    slice(start?: number, end?: number): Buffer;
    subarray(start?: number, end?: number): Buffer;
    toJSON(): { type: "Buffer"; data: number[] };
    toString(encoding?: BufferEncoding, start?: number, end?: number): string;
    write(text: string, encoding?: BufferEncoding): number;
    write(text: string, offset: number, encoding?: BufferEncoding): number;
    write(text: string, offset: number, length: number, encoding?: BufferEncoding): number;
    swap16(): this;
    swap32(): this;
    swap64(): this;
    readUInt8(offset?: number): number;
    readUInt16LE(offset?: number): number;
    readUInt16BE(offset?: number): number;
    readUInt32LE(offset?: number): number;
    readUInt32BE(offset?: number): number;
    readInt8(offset?: number): number;
    readInt16LE(offset?: number): number;
    readInt16BE(offset?: number): number;
    readInt32LE(offset?: number): number;
    readInt32BE(offset?: number): number;
    readBigUInt64LE(offset?: number): bigint;
    readBigUInt64BE(offset?: number): bigint;
    readBigInt64LE(offset?: number): bigint;
    readBigInt64BE(offset?: number): bigint;
    readFloatLE(offset?: number): number;
    readFloatBE(offset?: number): number;
    readDoubleLE(offset?: number): number;
    readDoubleBE(offset?: number): number;
    readUIntLE(offset: number, bytes: number): number;
    readUIntBE(offset: number, bytes: number): number;
    readIntLE(offset: number, bytes: number): number;
    readIntBE(offset: number, bytes: number): number;
    writeUInt8(value: number, offset?: number): number;
    writeUInt16LE(value: number, offset?: number): number;
    writeUInt16BE(value: number, offset?: number): number;
    writeUInt32LE(value: number, offset?: number): number;
    writeUInt32BE(value: number, offset?: number): number;
    writeInt8(value: number, offset?: number): number;
    writeInt16LE(value: number, offset?: number): number;
    writeInt16BE(value: number, offset?: number): number;
    writeInt32LE(value: number, offset?: number): number;
    writeInt32BE(value: number, offset?: number): number;
    writeBigUInt64LE(value: bigint, offset?: number): number;
    writeBigUInt64BE(value: bigint, offset?: number): number;
    writeBigInt64LE(value: bigint, offset?: number): number;
    writeBigInt64BE(value: bigint, offset?: number): number;
    writeFloatLE(value: number, offset?: number): number;
    writeFloatBE(value: number, offset?: number): number;
    writeDoubleLE(value: number, offset?: number): number;
    writeDoubleBE(value: number, offset?: number): number;
  }
  export const Buffer: {
    prototype: Buffer;
    readonly poolSize: number;
    alloc(size: number, fill?: string | Uint8Array | number, encoding?: BufferEncoding): Buffer;
    allocUnsafe(size: number): Buffer;
    allocUnsafeSlow(size: number): Buffer;
    byteLength(value: string | ArrayBufferView | ArrayBufferLike, encoding?: BufferEncoding): number;
    compare(one: Uint8Array, other: Uint8Array): -1 | 0 | 1;
    concat(list: readonly Uint8Array[], totalLength?: number): Buffer;
    from(text: string, encoding?: BufferEncoding): Buffer;
    from(bytes: ArrayLike<number> | Iterable<number> | ArrayBufferView): Buffer;
    from(bytes: ArrayBufferLike, offset?: number, length?: number): Buffer;
    from(value: { valueOf(): string | object } | { type: "Buffer"; data: number[] }, encoding?: BufferEncoding): Buffer;
    isBuffer(value: any): value is Buffer;
    isEncoding(encoding: string): encoding is BufferEncoding;
    of(...bytes: number[]): Buffer;
  };
  export const constants: { MAX_LENGTH: number; MAX_STRING_LENGTH: number };
  export const kMaxLength: number;
  export const Blob: typeof globalThis.Blob;
  export const File: typeof globalThis.File;
  export const atob: typeof globalThis.atob;
  export const btoa: typeof globalThis.btoa;
  const module: { Buffer: typeof Buffer; constants: typeof constants; kMaxLength: number };
  export default module;
}

declare module "node:events" {
  type Listener = (...values: any[]) => void;
  export class EventEmitter<Events extends Record<keyof Events, any[]> = Record<string | symbol, any[]>> {
    static defaultMaxListeners: number;
    static EventEmitter: typeof EventEmitter;
    static once(emitter: EventEmitter<any> | EventTarget, name: string | symbol, options?: { signal?: AbortSignal }): Promise<any[]>;
    static on(emitter: EventEmitter<any>, name: string | symbol, options?: { signal?: AbortSignal }): AsyncIterableIterator<any[]>;
    static listenerCount(emitter: EventEmitter<any>, name: string | symbol): number;
    constructor(options?: { captureRejections?: boolean });
    addListener<Name extends keyof Events>(name: Name, listener: (...values: Events[Name]) => void): this;
    on<Name extends keyof Events>(name: Name, listener: (...values: Events[Name]) => void): this;
    once<Name extends keyof Events>(name: Name, listener: (...values: Events[Name]) => void): this;
    off<Name extends keyof Events>(name: Name, listener: (...values: Events[Name]) => void): this;
    prependListener<Name extends keyof Events>(name: Name, listener: (...values: Events[Name]) => void): this;
    prependOnceListener<Name extends keyof Events>(name: Name, listener: (...values: Events[Name]) => void): this;
    removeListener<Name extends keyof Events>(name: Name, listener: (...values: Events[Name]) => void): this;
    removeAllListeners(name?: keyof Events): this;
    emit<Name extends keyof Events>(name: Name, ...values: Events[Name]): boolean;
    eventNames(): (string | symbol)[];
    listeners(name: keyof Events): Listener[];
    rawListeners(name: keyof Events): Listener[];
    listenerCount(name: keyof Events, listener?: Listener): number;
    setMaxListeners(count: number): this;
    getMaxListeners(): number;
  }
  export const once: typeof EventEmitter.once;
  export const on: typeof EventEmitter.on;
  export const listenerCount: typeof EventEmitter.listenerCount;
  export let defaultMaxListeners: number;
  export default EventEmitter;
}

declare module "node:util" {
  export interface InspectOptions {
    depth?: number | null;
    colors?: boolean;
    compact?: boolean | number;
    breakLength?: number;
    showHidden?: boolean;
    sorted?: boolean | ((one: string, other: string) => number);
    maxArrayLength?: number | null;
    maxStringLength?: number | null;
    [option: string]: any;
  }
  export const inspect: { (value: any, options?: InspectOptions): string; readonly custom: unique symbol; defaultOptions: InspectOptions };
  export function format(format?: any, ...values: any[]): string;
  export function formatWithOptions(options: InspectOptions, format?: any, ...values: any[]): string;
  export function promisify(original: Function): (...values: any[]) => Promise<any>;
  export namespace promisify {
    const custom: unique symbol;
  }
  export function callbackify(original: (...values: any[]) => Promise<any>): (...values: any[]) => void;
  export function inherits(constructor: Function, parent: Function): void;
  export function deprecate<T extends Function>(original: T, message: string, code?: string): T;
  export function debuglog(section: string): (...values: any[]) => void;
  export function isDeepStrictEqual(one: unknown, other: unknown): boolean;
  export function stripVTControlCharacters(text: string): string;
  export function styleText(format: string | readonly string[], text: string): string;
  export function toUSVString(text: string): string;
  export const TextEncoder: typeof globalThis.TextEncoder;
  export const TextDecoder: typeof globalThis.TextDecoder;
  export namespace types {
    function isAnyArrayBuffer(value: unknown): value is ArrayBufferLike;
    function isArrayBuffer(value: unknown): value is ArrayBuffer;
    function isArrayBufferView(value: unknown): value is ArrayBufferView;
    function isAsyncFunction(value: unknown): boolean;
    function isDate(value: unknown): value is Date;
    function isGeneratorFunction(value: unknown): boolean;
    function isMap(value: unknown): value is Map<any, any>;
    function isNativeError(value: unknown): value is Error;
    function isPromise(value: unknown): value is Promise<any>;
    function isProxy(value: unknown): boolean;
    function isRegExp(value: unknown): value is RegExp;
    function isSet(value: unknown): value is Set<any>;
    function isTypedArray(value: unknown): value is ArrayBufferView;
    function isUint8Array(value: unknown): value is Uint8Array;
  }
  const module: typeof import("node:util");
  export default module;
}

declare module "node:path" {
  export interface ParsedPath {
    root: string;
    dir: string;
    base: string;
    ext: string;
    name: string;
  }
  export interface Paths {
    basename(path: string, suffix?: string): string;
    dirname(path: string): string;
    extname(path: string): string;
    format(path: Partial<ParsedPath>): string;
    isAbsolute(path: string): boolean;
    join(...parts: string[]): string;
    normalize(path: string): string;
    parse(path: string): ParsedPath;
    relative(from: string, to: string): string;
    resolve(...parts: string[]): string;
    toNamespacedPath(path: string): string;
    readonly sep: string;
    readonly delimiter: string;
    readonly posix: Paths;
    readonly win32: Paths;
  }
  export const basename: Paths["basename"];
  export const dirname: Paths["dirname"];
  export const extname: Paths["extname"];
  export const format: Paths["format"];
  export const isAbsolute: Paths["isAbsolute"];
  export const join: Paths["join"];
  export const normalize: Paths["normalize"];
  export const parse: Paths["parse"];
  export const relative: Paths["relative"];
  export const resolve: Paths["resolve"];
  export const toNamespacedPath: Paths["toNamespacedPath"];
  export const sep: string;
  export const delimiter: string;
  export const posix: Paths;
  export const win32: Paths;
  const module: Paths;
  export default module;
}

declare module "node:url" {
  export const URL: typeof globalThis.URL;
  export const URLSearchParams: typeof globalThis.URLSearchParams;
  export interface UrlObject {
    auth?: string | null;
    hash?: string | null;
    host?: string | null;
    hostname?: string | null;
    href?: string | null;
    pathname?: string | null;
    path?: string | null;
    port?: string | number | null;
    protocol?: string | null;
    query?: string | null | Record<string, any>;
    search?: string | null;
    slashes?: boolean | null;
  }
  export interface Url extends UrlObject {
    href: string;
    port: string | null;
  }
  export function parse(url: string, parseQuery?: boolean, slashesDenoteHost?: boolean): Url;
  export function format(url: UrlObject | globalThis.URL | string): string;
  export function resolve(from: string, to: string): string;
  export function fileURLToPath(url: string | globalThis.URL): string;
  export function pathToFileURL(path: string): globalThis.URL;
  export function domainToASCII(domain: string): string;
  export function domainToUnicode(domain: string): string;
  const module: typeof import("node:url");
  export default module;
}

declare module "node:assert" {
  function assert(value: unknown, message?: string | Error): asserts value;
  namespace assert {
    class AssertionError extends Error {
      actual: unknown;
      expected: unknown;
      operator: string;
      generatedMessage: boolean;
      code: "ERR_ASSERTION";
      constructor(options?: { message?: string; actual?: unknown; expected?: unknown; operator?: string });
    }
    function ok(value: unknown, message?: string | Error): asserts value;
    function equal(actual: unknown, expected: unknown, message?: string | Error): void;
    function notEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    function strictEqual<T>(actual: unknown, expected: T, message?: string | Error): asserts actual is T;
    function notStrictEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    function deepEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    function notDeepEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    function deepStrictEqual<T>(actual: unknown, expected: T, message?: string | Error): asserts actual is T;
    function notDeepStrictEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    function throws(block: () => unknown, expected?: unknown, message?: string | Error): void;
    function doesNotThrow(block: () => unknown, message?: string | Error): void;
    function rejects(block: (() => Promise<unknown>) | Promise<unknown>, expected?: unknown, message?: string | Error): Promise<void>;
    function doesNotReject(block: (() => Promise<unknown>) | Promise<unknown>, message?: string | Error): Promise<void>;
    function match(value: string, pattern: RegExp, message?: string | Error): void;
    function doesNotMatch(value: string, pattern: RegExp, message?: string | Error): void;
    function fail(message?: string | Error): never;
    function ifError(value: unknown): asserts value is null | undefined;
    const strict: typeof assert;
  }
  export = assert;
}

declare module "node:crypto" {
  import type { Buffer, BufferEncoding } from "node:buffer";
  type Data = string | ArrayBufferView;
  type Digest = "base64" | "base64url" | "hex" | "binary";
  export interface Hash {
    update(data: Data, encoding?: BufferEncoding): this;
    digest(): Buffer;
    digest(encoding: Digest): string;
    copy(): Hash;
  }
  export interface Hmac {
    update(data: Data, encoding?: BufferEncoding): this;
    digest(): Buffer;
    digest(encoding: Digest): string;
  }
  export function createHash(algorithm: string, options?: object): Hash;
  export function createHmac(algorithm: string, key: Data | KeyObject, options?: object): Hmac;
  export function hash(algorithm: string, data: Data, encoding?: Digest): string;
  export function getHashes(): string[];
  export function randomBytes(size: number): Buffer;
  export function randomBytes(size: number, callback: (error: Error | null, bytes: Buffer) => void): void;
  export function randomFillSync<T extends ArrayBufferView>(buffer: T, offset?: number, size?: number): T;
  export function randomInt(max: number): number;
  export function randomInt(min: number, max: number): number;
  export function randomUUID(options?: { disableEntropyCache?: boolean }): `${string}-${string}-${string}-${string}-${string}`;
  export function timingSafeEqual(one: ArrayBufferView, other: ArrayBufferView): boolean;
  export function pbkdf2Sync(password: Data, salt: Data, iterations: number, keyLength: number, digest: string): Buffer;
  export function pbkdf2(password: Data, salt: Data, iterations: number, keyLength: number, digest: string, callback: (error: Error | null, key: Buffer) => void): void;
  export function hkdfSync(digest: string, key: Data | KeyObject, salt: Data, info: Data, keyLength: number): ArrayBuffer;
  export function hkdf(digest: string, key: Data | KeyObject, salt: Data, info: Data, keyLength: number, callback: (error: Error | null, key: ArrayBuffer) => void): void;
  interface ScryptOptions {
    cost?: number;
    blockSize?: number;
    parallelization?: number;
    N?: number;
    r?: number;
    p?: number;
    maxmem?: number;
  }
  export function scryptSync(password: Data, salt: Data, keyLength: number, options?: ScryptOptions): Buffer;
  export function scrypt(password: Data, salt: Data, keyLength: number, callback: (error: Error | null, key: Buffer) => void): void;
  export function scrypt(password: Data, salt: Data, keyLength: number, options: ScryptOptions, callback: (error: Error | null, key: Buffer) => void): void;
  type PointFormat = "uncompressed" | "compressed" | "hybrid";
  export class ECDH {
    private constructor();
    static convertKey(key: Data, curve: string, inputEncoding?: BufferEncoding, outputEncoding?: Digest, format?: PointFormat): Buffer | string;
    generateKeys(): Buffer;
    generateKeys(encoding: Digest, format?: PointFormat): string;
    computeSecret(other: Data, inputEncoding?: BufferEncoding | null): Buffer;
    computeSecret(other: Data, inputEncoding: BufferEncoding | null | undefined, outputEncoding: Digest): string;
    getPrivateKey(): Buffer;
    getPrivateKey(encoding: Digest): string;
    getPublicKey(encoding?: null, format?: PointFormat): Buffer;
    getPublicKey(encoding: Digest, format?: PointFormat): string;
    setPrivateKey(key: Data, encoding?: BufferEncoding): void;
  }
  export function createECDH(curve: string): ECDH;
  export function diffieHellman(options: { privateKey: KeyObject; publicKey: KeyObject }): Buffer;
  type KeyEncoding = { format: "pem" | "der" | "jwk"; type?: "pkcs8" | "spki" };
  export interface KeyObject {
    readonly type: "secret" | "public" | "private";
    readonly asymmetricKeyType?: "rsa" | "ec" | "ed25519" | "x25519";
    readonly asymmetricKeyDetails?: { modulusLength?: number; publicExponent?: bigint; namedCurve?: string };
    readonly symmetricKeySize?: number;
    equals(other: KeyObject): boolean;
    export(options: { format: "pem"; type: "pkcs8" | "spki" }): string;
    export(options: { format: "jwk" }): JsonWebKey;
    export(options?: { format?: "der"; type?: "pkcs8" | "spki" }): Buffer;
  }
  export const KeyObject: { prototype: KeyObject; from(key: CryptoKey): KeyObject };
  type KeyInput = KeyObject | Data | { key: KeyObject | Data | JsonWebKey; format?: "pem" | "der" | "jwk"; [option: string]: any };
  export function createSecretKey(key: Data, encoding?: BufferEncoding): KeyObject;
  export function createPrivateKey(key: KeyInput): KeyObject;
  export function createPublicKey(key: KeyInput): KeyObject;
  export function generateKeySync(type: "hmac" | "aes", options: { length: number }): KeyObject;
  export function generateKey(type: "hmac" | "aes", options: { length: number }, callback: (error: Error | null, key: KeyObject) => void): void;
  interface KeyPairOptions {
    modulusLength?: number;
    publicExponent?: number;
    namedCurve?: string;
    publicKeyEncoding?: KeyEncoding;
    privateKeyEncoding?: KeyEncoding;
  }
  type KeyPairType = "rsa" | "ec" | "ed25519" | "x25519";
  export function generateKeyPairSync(type: KeyPairType, options?: KeyPairOptions): { publicKey: any; privateKey: any };
  export function generateKeyPair(type: KeyPairType, options: KeyPairOptions, callback: (error: Error | null, publicKey: any, privateKey: any) => void): void;
  export interface Sign {
    update(data: Data, encoding?: BufferEncoding): this;
    sign(key: KeyInput): Buffer;
    sign(key: KeyInput, encoding: Digest): string;
  }
  export interface Verify {
    update(data: Data, encoding?: BufferEncoding): this;
    verify(key: KeyInput, signature: Data, encoding?: Digest): boolean;
  }
  export function createSign(algorithm: string, options?: object): Sign;
  export function createVerify(algorithm: string, options?: object): Verify;
  export function sign(algorithm: string | null | undefined, data: ArrayBufferView, key: KeyInput): Buffer;
  export function verify(algorithm: string | null | undefined, data: ArrayBufferView, key: KeyInput, signature: ArrayBufferView): boolean;
  export function publicEncrypt(key: KeyInput, data: Data): Buffer;
  export function privateDecrypt(key: KeyInput, data: Data): Buffer;
  interface Cipher {
    update(data: ArrayBufferView): Buffer;
    update(data: Data, inputEncoding?: BufferEncoding): Buffer;
    update(data: Data, inputEncoding: BufferEncoding | undefined, outputEncoding: BufferEncoding): string;
    final(): Buffer;
    final(outputEncoding: BufferEncoding): string;
    setAAD(data: ArrayBufferView): this;
    setAutoPadding(pads?: true): this;
  }
  export function createCipheriv(name: string, key: Data | KeyObject, iv: Data, options?: { authTagLength?: number }): Cipher & { getAuthTag(): Buffer };
  export function createDecipheriv(name: string, key: Data | KeyObject, iv: Data, options?: { authTagLength?: number }): Cipher & { setAuthTag(tag: Data, encoding?: BufferEncoding): any };
  export function getCiphers(): string[];
  export function getCipherInfo(name: string, options?: { keyLength?: number; ivLength?: number }): { name: string; mode: string; blockSize?: number; ivLength: number; keyLength: number } | undefined;
  export function getCurves(): string[];
  export const constants: Record<string, number>;
  export function getRandomValues<T extends ArrayBufferView>(array: T): T;
  export const webcrypto: Crypto;
  export const subtle: SubtleCrypto;
  const module: typeof import("node:crypto");
  export default module;
}

declare module "node:stream" {
  import { EventEmitter } from "node:events";
  type Done = (error?: Error | null) => void;
  class Stream extends EventEmitter {
    pipe<T extends Writable>(destination: T, options?: { end?: boolean }): T;
  }
  export interface ReadableOptions {
    highWaterMark?: number;
    encoding?: string;
    objectMode?: boolean;
    signal?: AbortSignal;
    read?(this: Readable, size: number): void;
    destroy?(this: Readable, error: Error | null, done: Done): void;
  }
  export class Readable extends Stream implements AsyncIterable<any> {
    constructor(options?: ReadableOptions);
    static from(iterable: Iterable<any> | AsyncIterable<any>, options?: ReadableOptions): Readable;
    static fromWeb(stream: ReadableStream, options?: ReadableOptions): Readable;
    static toWeb(stream: Readable): ReadableStream;
    readonly readable: boolean;
    readonly readableEnded: boolean;
    readonly readableFlowing: boolean | null;
    readonly destroyed: boolean;
    _read(size: number): void;
    read(size?: number): any;
    push(chunk: any, encoding?: string): boolean;
    unshift(chunk: any, encoding?: string): void;
    setEncoding(encoding: string): this;
    pause(): this;
    resume(): this;
    isPaused(): boolean;
    unpipe(destination?: Writable): this;
    destroy(error?: Error): this;
    [Symbol.asyncIterator](): AsyncIterableIterator<any>;
  }
  export interface WritableOptions {
    highWaterMark?: number;
    objectMode?: boolean;
    decodeStrings?: boolean;
    defaultEncoding?: string;
    signal?: AbortSignal;
    write?(this: Writable, chunk: any, encoding: string, done: Done): void;
    writev?(this: Writable, chunks: { chunk: any; encoding: string }[], done: Done): void;
    final?(this: Writable, done: Done): void;
    destroy?(this: Writable, error: Error | null, done: Done): void;
  }
  export class Writable extends Stream {
    constructor(options?: WritableOptions);
    static fromWeb(stream: WritableStream): Writable;
    static toWeb(stream: Writable): WritableStream;
    readonly writable: boolean;
    readonly writableEnded: boolean;
    readonly writableFinished: boolean;
    readonly destroyed: boolean;
    _write(chunk: any, encoding: string, done: Done): void;
    _final(done: Done): void;
    write(chunk: any, done?: Done): boolean;
    write(chunk: any, encoding: string, done?: Done): boolean;
    end(done?: () => void): this;
    end(chunk: any, done?: () => void): this;
    end(chunk: any, encoding: string, done?: () => void): this;
    cork(): void;
    uncork(): void;
    destroy(error?: Error): this;
  }
  export interface DuplexOptions extends Omit<ReadableOptions, "read" | "destroy">, Omit<WritableOptions, "write" | "writev" | "final" | "destroy"> {
    allowHalfOpen?: boolean;
    readableObjectMode?: boolean;
    writableObjectMode?: boolean;
    read?(this: Duplex, size: number): void;
    write?(this: Duplex, chunk: any, encoding: string, done: Done): void;
    final?(this: Duplex, done: Done): void;
    destroy?(this: Duplex, error: Error | null, done: Done): void;
  }
  export interface Duplex extends Writable {}
  export class Duplex extends Readable {
    constructor(options?: DuplexOptions);
  }
  export interface TransformOptions extends DuplexOptions {
    transform?(this: Transform, chunk: any, encoding: string, done: (error?: Error | null, data?: any) => void): void;
    flush?(this: Transform, done: (error?: Error | null, data?: any) => void): void;
  }
  export class Transform extends Duplex {
    constructor(options?: TransformOptions);
    _transform(chunk: any, encoding: string, done: (error?: Error | null, data?: any) => void): void;
    _flush(done: (error?: Error | null, data?: any) => void): void;
  }
  export class PassThrough extends Transform {}
  export function pipeline(...streams: any[]): any;
  export function finished(stream: Readable | Writable, done: Done): () => void;
  export { Stream };
  export const promises: typeof import("node:stream/promises");
  export default Stream;
}

declare module "node:stream/promises" {
  import type { Readable, Writable } from "node:stream";
  export function pipeline(...streams: any[]): Promise<void>;
  export function finished(stream: Readable | Writable, options?: { signal?: AbortSignal }): Promise<void>;
}

declare module "node:stream/web" {
  export const ReadableStream: typeof globalThis.ReadableStream;
  export const WritableStream: typeof globalThis.WritableStream;
  export const TransformStream: typeof globalThis.TransformStream;
  export const TextEncoderStream: typeof globalThis.TextEncoderStream;
  export const TextDecoderStream: typeof globalThis.TextDecoderStream;
  export type ReadableStream<R = any> = globalThis.ReadableStream<R>;
  export type WritableStream<W = any> = globalThis.WritableStream<W>;
  export type TransformStream<I = any, O = any> = globalThis.TransformStream<I, O>;
}

declare module "node:string_decoder" {
  export class StringDecoder {
    constructor(encoding?: string);
    write(bytes: Uint8Array): string;
    end(bytes?: Uint8Array): string;
  }
}

declare module "node:querystring" {
  export type ParsedUrlQuery = Record<string, string | string[] | undefined>;
  export function parse(text: string, separator?: string, equals?: string, options?: { maxKeys?: number; decodeURIComponent?(text: string): string }): ParsedUrlQuery;
  export function stringify(values?: Record<string, any>, separator?: string, equals?: string, options?: { encodeURIComponent?(text: string): string }): string;
  export function escape(text: string): string;
  export function unescape(text: string): string;
  export const decode: typeof parse;
  export const encode: typeof stringify;
  const module: typeof import("node:querystring");
  export default module;
}

declare module "node:timers" {
  export const setTimeout: typeof globalThis.setTimeout;
  export const setInterval: typeof globalThis.setInterval;
  export const setImmediate: typeof globalThis.setImmediate;
  export const clearTimeout: typeof globalThis.clearTimeout;
  export const clearInterval: typeof globalThis.clearInterval;
  export const clearImmediate: typeof globalThis.clearImmediate;
  export const promises: typeof import("node:timers/promises");
  const module: typeof import("node:timers");
  export default module;
}

declare module "node:timers/promises" {
  export function setTimeout<T = void>(delay?: number, value?: T, options?: { signal?: AbortSignal }): Promise<T>;
  export function setImmediate<T = void>(value?: T, options?: { signal?: AbortSignal }): Promise<T>;
  export function setInterval<T = void>(delay?: number, value?: T, options?: { signal?: AbortSignal }): AsyncIterableIterator<T>;
}

declare module "node:async_hooks" {
  export class AsyncLocalStorage<T> {
    static bind<F extends (...values: any[]) => any>(callback: F): F;
    static snapshot(): <R, V extends any[]>(callback: (...values: V) => R, ...values: V) => R;
    disable(): void;
    enterWith(store: T): void;
    exit<R, V extends any[]>(callback: (...values: V) => R, ...values: V): R;
    getStore(): T | undefined;
    run<R, V extends any[]>(store: T, callback: (...values: V) => R, ...values: V): R;
  }
  export class AsyncResource {
    constructor(type: string, options?: object);
    static bind<F extends (...values: any[]) => any>(callback: F, type?: string): F;
    bind<F extends (...values: any[]) => any>(callback: F): F;
    runInAsyncScope<R>(callback: (...values: any[]) => R, self?: any, ...values: any[]): R;
    emitDestroy(): this;
    asyncId(): number;
    triggerAsyncId(): number;
  }
}

// --- the same by their older names --------------------------------------------------------------------------

declare module "process" {
  export * from "node:process";
  export { default } from "node:process";
}
declare module "buffer" {
  export * from "node:buffer";
  export { default } from "node:buffer";
}
declare module "events" {
  export * from "node:events";
  export { default } from "node:events";
}
declare module "util" {
  export * from "node:util";
  export { default } from "node:util";
}
declare module "path" {
  export * from "node:path";
  export { default } from "node:path";
}
declare module "url" {
  export * from "node:url";
  export { default } from "node:url";
}
declare module "assert" {
  import assert = require("node:assert");
  export = assert;
}
declare module "crypto" {
  export * from "node:crypto";
  export { default } from "node:crypto";
}
declare module "stream" {
  export * from "node:stream";
  export { default } from "node:stream";
}
declare module "string_decoder" {
  export * from "node:string_decoder";
}
declare module "querystring" {
  export * from "node:querystring";
  export { default } from "node:querystring";
}
declare module "timers" {
  export * from "node:timers";
  export { default } from "node:timers";
}
declare module "timers/promises" {
  export * from "node:timers/promises";
}
declare module "stream/promises" {
  export * from "node:stream/promises";
}
declare module "stream/web" {
  export * from "node:stream/web";
}
declare module "async_hooks" {
  export * from "node:async_hooks";
}
