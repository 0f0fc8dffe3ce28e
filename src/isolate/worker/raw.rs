//! What the engine can do and its binding does not offer, or not as quickly.

use rquickjs::{Ctx, Error, Object, Result, Value, qjs};

/// Makes a class known to the runtime.
#[allow(unsafe_code)]
pub fn register(ctx: &Ctx<'_>, definition: qjs::JSClassDef) -> Result<qjs::JSClassID> {
    let mut class = 0;
    // SAFETY: the runtime is alive; it copies the definition.
    let outcome = unsafe {
        let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
        qjs::JS_NewClassID(runtime, &mut class);
        qjs::JS_NewClass(runtime, class, &definition)
    };
    if outcome < 0 { Err(Error::Exception) } else { Ok(class) }
}

/// The name of a member, as the engine keeps it: to be freed, or kept for as long as the runtime lives.
#[allow(unsafe_code)]
pub fn atom_of(ctx: &Ctx<'_>, name: &str) -> qjs::JSAtom {
    // SAFETY: the text is copied.
    unsafe { qjs::JS_NewAtomLen(ctx.as_raw().as_ptr(), name.as_ptr().cast(), name.len() as _) }
}

/// Gives up a name that was made.
#[allow(unsafe_code)]
pub fn free(ctx: &Ctx<'_>, name: qjs::JSAtom) {
    // SAFETY: the caller has made it, and does not use it any more.
    unsafe { qjs::JS_FreeAtom(ctx.as_raw().as_ptr(), name) }
}

/// Adds an accessor to an object: its getter and its setter.
#[allow(unsafe_code)]
pub fn add_accessor<'js>(
    target: &Object<'js>,
    name: qjs::JSAtom,
    both: [&Object<'js>; 2],
    flags: u32,
) -> Result<()> {
    let raw = target.ctx().as_raw().as_ptr();
    // SAFETY: all of these are alive values of this context; the two functions' references go to the object.
    let outcome = unsafe {
        let [get, set] = both.map(|function| qjs::JS_DupValue(raw, function.as_raw()));
        qjs::JS_DefinePropertyGetSet(raw, target.as_raw(), name, get, set, flags as i32)
    };
    if outcome < 0 { Err(Error::Exception) } else { Ok(()) }
}

/// Gives an object a member with a value, whatever its prototype says.
#[allow(unsafe_code)]
pub fn define<'js>(target: &Object<'js>, name: qjs::JSAtom, value: &Value<'js>) -> Result<()> {
    let raw = target.ctx().as_raw().as_ptr();
    // SAFETY: both are alive; a reference to the value goes to the object.
    let outcome = unsafe {
        let value = qjs::JS_DupValue(raw, value.as_raw());
        qjs::JS_DefinePropertyValue(raw, target.as_raw(), name, value, qjs::JS_PROP_C_W_E as i32)
    };
    if outcome < 0 { Err(Error::Exception) } else { Ok(()) }
}
