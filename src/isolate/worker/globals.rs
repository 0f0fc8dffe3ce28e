//! The globals that wait until they are touched, and the part of the prelude that each comes from. Most processors use
//! few of them, and thousands of isolates share one machine: until then one small object is the getter and the setter of
//! a global. It has no name, no length and no scope of its own, which functions of the script's language would have.

use rquickjs::class::{ClassKind, JsCell, JsClass, Readable, Trace};
use rquickjs::function::{Args, Constructor, Params};
use rquickjs::{Array, Class, Ctx, Error, Function, JsLifetime, Object, Result, Value, qjs};

/// Whose members they are, as `globals.js` knows them.
const GLOBAL: &str = "globalThis";

/// The owner, the part, and what of the part belongs to the owner.
type Waiting = (&'static str, &'static str, &'static [&'static str]);

const WAITING: &[Waiting] = &[
    (GLOBAL, "console", &["console"]),
    (
        GLOBAL,
        "timers",
        &[
            "setTimeout",
            "clearTimeout",
            "setInterval",
            "clearInterval",
            "setImmediate",
            "clearImmediate",
            "queueMicrotask",
        ],
    ),
    (GLOBAL, "clock", &["Date"]),
    ("Math", "random", &["random"]),
    ("Number", "intl/methods", &["toLocaleString"]),
    ("BigInt", "intl/methods", &["toLocaleString"]),
    ("String", "intl/methods", &["localeCompare"]),
    (
        GLOBAL,
        "performance",
        &[
            "performance",
            "Performance",
            "PerformanceEntry",
            "PerformanceMark",
            "PerformanceMeasure",
            "PerformanceObserver",
            "PerformanceObserverEntryList",
        ],
    ),
    (
        GLOBAL,
        "events",
        &[
            "Event",
            "CustomEvent",
            "MessageEvent",
            "ErrorEvent",
            "CloseEvent",
            "PromiseRejectionEvent",
            "EventTarget",
            "addEventListener",
            "removeEventListener",
            "dispatchEvent",
        ],
    ),
    (GLOBAL, "scope", &["reportError", "onerror", "onrejectionhandled", "onunhandledrejection"]),
    (GLOBAL, "abort", &["AbortController", "AbortSignal"]),
    (GLOBAL, "url", &["URL", "URLSearchParams"]),
    (GLOBAL, "urlpattern", &["URLPattern"]),
    (GLOBAL, "encoding", &["TextEncoder", "TextDecoder", "atob", "btoa"]),
    (GLOBAL, "clone", &["structuredClone"]),
    (GLOBAL, "messages", &["MessageChannel", "MessagePort"]),
    (GLOBAL, "crypto", &["crypto", "Crypto"]),
    (GLOBAL, "subtle", &["CryptoKey", "SubtleCrypto"]),
    (GLOBAL, "navigator", &["navigator", "Navigator"]),
    (GLOBAL, "blob", &["Blob", "File"]),
    (GLOBAL, "fetch/headers", &["Headers"]),
    (GLOBAL, "fetch/form", &["FormData"]),
    (GLOBAL, "fetch/request", &["Request"]),
    (GLOBAL, "fetch/response", &["Response"]),
    (GLOBAL, "fetch/fetch", &["fetch"]),
    (GLOBAL, "fetch/socket", &["WebSocket"]),
    (GLOBAL, "fetch/source", &["EventSource"]),
    (GLOBAL, "streams/common", &["ByteLengthQueuingStrategy", "CountQueuingStrategy"]),
    (
        GLOBAL,
        "streams/readable",
        &["ReadableStream", "ReadableStreamDefaultReader", "ReadableStreamBYOBReader"],
    ),
    (GLOBAL, "streams/default", &["ReadableStreamDefaultController"]),
    (GLOBAL, "streams/bytes", &["ReadableByteStreamController", "ReadableStreamBYOBRequest"]),
    (GLOBAL, "streams/writable", &["WritableStream", "WritableStreamDefaultWriter"]),
    (GLOBAL, "streams/sink", &["WritableStreamDefaultController"]),
    (GLOBAL, "streams/transform", &["TransformStream", "TransformStreamDefaultController"]),
    (GLOBAL, "streams/text", &["TextEncoderStream", "TextDecoderStream"]),
    (GLOBAL, "compression", &["CompressionStream", "DecompressionStream"]),
    (GLOBAL, "intl", &["Intl"]),
    (GLOBAL, "node/buffer", &["Buffer"]),
    (GLOBAL, "require", &["require"]),
    (GLOBAL, "process", &["process"]),
    (GLOBAL, "definition", &["defineProcessor"]),
    (GLOBAL, "engine/exceptions", &["DOMException"]),
];

/// Stands for one global. As a getter it is called with nothing, as a setter with a value.
#[derive(Trace, JsLifetime)]
struct Placeholder {
    #[qjs(skip_trace)]
    owner: &'static str,
    #[qjs(skip_trace)]
    part: &'static str,
    #[qjs(skip_trace)]
    name: &'static str,
}

/// The function of the prelude that puts something in the place of a placeholder.
#[derive(JsLifetime)]
struct Touched<'js>(Function<'js>);

impl<'js> JsClass<'js> for Placeholder {
    const NAME: &'static str = "Placeholder";
    const KIND: ClassKind = ClassKind::Callable;
    type Mutable = Readable;

    fn prototype(ctx: &Ctx<'js>) -> Result<Option<Object<'js>>> {
        Ok(Some(Function::prototype(ctx.clone())))
    }

    fn constructor(_: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }

    fn call<'a>(this: &JsCell<'js, Self>, params: Params<'a, 'js>) -> Result<Value<'js>> {
        let ctx = params.ctx().clone();
        let touched = ctx.userdata::<Touched>().map(|touched| touched.0.clone()).ok_or(Error::Unknown)?;
        let Placeholder { owner, part, name } = *this.borrow();
        let mut args = Args::new(ctx, 5);
        args.push_args([owner, part, name])?;
        args.push_arg(params.this())?;
        if let Some(value) = params.arg(0) {
            args.push_arg(value)?;
        }
        touched.call_arg(args)
    }
}

/// Puts a placeholder at every place that waits. `owners` has the objects by their names, and `touched` is called with
/// the owner's name, the part's, the member's, the object that was asked, and what is written if something is.
pub fn add_placeholders<'js>(ctx: Ctx<'js>, owners: Object<'js>, touched: Function<'js>) -> Result<()> {
    ctx.store_userdata(Touched(touched)).map_err(|_| Error::Unknown)?;
    let functions = Function::prototype(ctx.clone());
    for (owner, part, names) in WAITING {
        let object: Object<'js> = owners.get(*owner)?;
        for name in *names {
            let placeholder = Class::instance_proto(Placeholder { owner, part, name }, functions.clone())?;
            let name = atom_of(&ctx, name);
            add_accessor(&object, name, [&placeholder, &placeholder], qjs::JS_PROP_CONFIGURABLE)?;
        }
    }
    Ok(())
}

/// Adds accessors to an object: of each its name, its getter and its setter.
pub fn add_accessors<'js>(ctx: Ctx<'js>, target: Object<'js>, accessors: Array<'js>) -> Result<()> {
    for at in (0..accessors.len()).step_by(3) {
        let name: Value<'js> = accessors.get(at)?;
        let (get, set): (Object<'js>, Object<'js>) = (accessors.get(at + 1)?, accessors.get(at + 2)?);
        let flags = qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_ENUMERABLE;
        add_accessor(&target, name_of(&ctx, &name), [&get, &set], flags)?;
    }
    Ok(())
}

/// The name of a member, as the engine keeps it; it is to be freed.
#[allow(unsafe_code)]
fn atom_of(ctx: &Ctx<'_>, name: &str) -> qjs::JSAtom {
    // SAFETY: the text is copied.
    unsafe { qjs::JS_NewAtomLen(ctx.as_raw().as_ptr(), name.as_ptr().cast(), name.len() as _) }
}

#[allow(unsafe_code)]
fn name_of<'js>(ctx: &Ctx<'js>, name: &Value<'js>) -> qjs::JSAtom {
    // SAFETY: an alive value of this context.
    unsafe { qjs::JS_ValueToAtom(ctx.as_raw().as_ptr(), name.as_raw()) }
}

/// Takes the name.
#[allow(unsafe_code)]
fn add_accessor<'js>(
    target: &Object<'js>,
    name: qjs::JSAtom,
    both: [&Object<'js>; 2],
    flags: u32,
) -> Result<()> {
    let raw = target.ctx().as_raw().as_ptr();
    // SAFETY: all of these are alive values of this context; the two functions' references go to the object.
    let outcome = unsafe {
        let [get, set] = both.map(|function| qjs::JS_DupValue(raw, function.as_raw()));
        let outcome = qjs::JS_DefinePropertyGetSet(raw, target.as_raw(), name, get, set, flags as i32);
        qjs::JS_FreeAtom(raw, name);
        outcome
    };
    if outcome < 0 { Err(Error::Exception) } else { Ok(()) }
}
