//! What the engine has of its own beyond the language's core, made when a script first touches it: most never do. Typed
//! arrays are no such thing, because the engine ends the process when it is to make `Atomics` where a script has put
//! something of that name.

use super::natives::bare;
use rquickjs::{Ctx, Error, Exception, Function, Object, Result, Value, qjs};

pub fn group<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("make", Function::new(ctx.clone(), make)?)?;
    Ok(native)
}

/// Makes a class, and gives its constructor. That is found by its prototype, which no script has seen: a global that may
/// not be replaced would hide it.
#[allow(unsafe_code)]
fn make<'js>(ctx: Ctx<'js>, name: String) -> Result<Value<'js>> {
    let add = match name.as_str() {
        "Date" => qjs::JS_AddIntrinsicDate,
        "DOMException" => qjs::JS_AddIntrinsicDOMException,
        _ => return Err(Exception::throw_message(&ctx, &format!("the engine has no {name}"))),
    };
    let raw = ctx.as_raw().as_ptr();
    // SAFETY: the context is alive, and has none of these yet: the prelude asks once.
    if unsafe { add(raw) } < 0 {
        return Err(Error::Exception);
    }
    for class in 1..=CLASSES_MAX {
        // SAFETY: a class that is not there has no prototype; the reference is ours.
        let prototype = unsafe { Value::from_raw(ctx.clone(), qjs::JS_GetClassProto(raw, class)) };
        let Some(constructor) = prototype.as_object().and_then(|object| object.get("constructor").ok())
        else {
            continue;
        };
        let constructor: Value<'js> = constructor;
        if constructor.as_object().is_some_and(|it| it.get("name").ok().as_ref() == Some(&name)) {
            return Ok(constructor);
        }
    }
    Err(Exception::throw_message(&ctx, &format!("the engine has not made {name}")))
}

/// The classes of the engine's own. It has places for all of them from the start, and ends the process when it is asked
/// for one that it has no place for.
const CLASSES_MAX: u32 = 66;
