//! The globals that wait until they are touched, and the part of the prelude that each comes from. Most processors use
//! few of them, and thousands of isolates share one machine: until then one small object is the getter and the setter of
//! a global. It has no name, no length and no scope of its own, which functions of the script's language would have.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;

use rquickjs::function::Args;
use rquickjs::{Ctx, Error, Function, JsLifetime, Object, Result, Value, qjs};

use super::raw::{add_accessor, atom_of, free, register};

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

/// The function of the prelude that puts something in the place of a placeholder.
#[derive(JsLifetime)]
struct Touched<'js>(Function<'js>);

/// Puts a placeholder at every place that waits. `owners` has the objects by their names, and `touched` is called with
/// the owner's name, the part's, the member's, the object that was asked, and what is written if something is.
pub fn add_placeholders<'js>(ctx: Ctx<'js>, owners: Object<'js>, touched: Function<'js>) -> Result<()> {
    ctx.store_userdata(Touched(touched)).map_err(|_| Error::Unknown)?;
    let class = class_of_placeholders(&ctx)?;
    let functions = Function::prototype(ctx.clone());
    let globals = ctx.globals();
    for (row, (owner, _, names)) in WAITING.iter().enumerate() {
        let object = if *owner == GLOBAL { globals.clone() } else { owners.get(*owner)? };
        for (at, name) in names.iter().enumerate() {
            let placeholder = placeholder(&functions, class, Place { row, at })?;
            let name = atom_of(&ctx, name);
            let outcome = add_accessor(&object, name, [&placeholder; 2], qjs::JS_PROP_CONFIGURABLE);
            free(&ctx, name);
            outcome?;
        }
    }
    Ok(())
}

/// Where in the table something waits. What stands for it holds that in the place of a pointer, and nothing else: there
/// are thousands of them in a worker.
struct Place {
    row: usize,
    at: usize,
}

impl Place {
    fn encode(&self) -> *mut c_void {
        std::ptr::without_provenance_mut((self.row << 8) | self.at)
    }

    fn decode(opaque: *mut c_void) -> Place {
        let place = opaque.addr();
        Place { row: place >> 8, at: place & 0xff }
    }

    fn names(&self) -> Option<[&'static str; 3]> {
        let (owner, part, names) = WAITING.get(self.row)?;
        Some([owner, part, names.get(self.at)?])
    }
}

/// The class of what stands for one global: a function that is called with nothing as a getter, and with a value as a
/// setter.
fn class_of_placeholders(ctx: &Ctx<'_>) -> Result<qjs::JSClassID> {
    register(
        ctx,
        qjs::JSClassDef {
            class_name: c"Placeholder".as_ptr(),
            finalizer: None,
            gc_mark: None,
            call: Some(called),
            exotic: std::ptr::null_mut(),
        },
    )
}

#[allow(unsafe_code)]
fn placeholder<'js>(functions: &Object<'js>, class: qjs::JSClassID, place: Place) -> Result<Object<'js>> {
    let ctx = functions.ctx();
    // SAFETY: the prototype is alive, and the object that is made belongs to the value.
    let made = unsafe {
        let made = qjs::JS_NewObjectProtoClass(ctx.as_raw().as_ptr(), functions.as_raw(), class);
        qjs::JS_SetOpaque(made, place.encode());
        Value::from_raw(ctx.clone(), made)
    };
    made.into_object().ok_or(Error::Exception)
}

/// What the engine calls when a placeholder is called.
#[allow(unsafe_code)]
unsafe extern "C" fn called(
    raw: *mut qjs::JSContext,
    placeholder: qjs::JSValue,
    this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
    _flags: c_int,
) -> qjs::JSValue {
    let Some(context) = NonNull::new(raw) else { return this };
    // SAFETY: the engine calls with a context and values that are alive, and takes what is returned; all that is kept of
    // them here has references of its own.
    unsafe {
        let ctx = Ctx::from_raw(context);
        let value = |held| Value::from_raw(ctx.clone(), qjs::JS_DupValue(raw, held));
        let place = Place::decode(qjs::JS_GetOpaque(placeholder, qjs::JS_GetClassID(placeholder)));
        let written = if count > 0 { Some(value(*arguments)) } else { None };
        match touch(&ctx, place, value(this), written) {
            Ok(answer) => qjs::JS_DupValue(raw, answer.as_raw()),
            Err(_) => qjs::JS_Throw(raw, qjs::JS_DupValue(raw, ctx.catch().as_raw())),
        }
    }
}

fn touch<'js>(
    ctx: &Ctx<'js>,
    place: Place,
    asked: Value<'js>,
    written: Option<Value<'js>>,
) -> Result<Value<'js>> {
    let touched = ctx.userdata::<Touched>().map(|touched| touched.0.clone()).ok_or(Error::Unknown)?;
    let mut args = Args::new(ctx.clone(), 5);
    args.push_args(place.names().ok_or(Error::Unknown)?)?;
    args.push_arg(asked)?;
    if let Some(value) = written {
        args.push_arg(value)?;
    }
    touched.call_arg(args)
}
