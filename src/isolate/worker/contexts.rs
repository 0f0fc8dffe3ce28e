//! What hooks are given: an object that looks like any other, with a member for each thing a hook can ask for. Most are made
//! when they are first touched, for most hooks touch few; and the object itself is made here, because every event has one.
//! Which hook it belongs to is in it where no script can see it.

use std::cell::RefCell;
use std::ffi::c_void;

use rquickjs::{Ctx, Error, Exception, JsLifetime, Object, Result, Value, qjs};

use super::raw::{add_accessor, atom_of, define, register};

/// What all of them have in common.
#[derive(JsLifetime)]
struct Contexts<'js> {
    class: u32,
    prototype: Object<'js>,
    append: u32,
    event: u32,
    stream: u32,
    members: RefCell<Vec<Member<'js>>>,
}

/// More than hooks are given.
const MEMBERS_MAX: usize = 16;

/// One that is made when it is touched. As the names above, the runtime has its name for as long as it lives.
#[derive(JsLifetime)]
struct Member<'js> {
    name: u32,
    get: Object<'js>,
    set: Object<'js>,
}

/// Makes ready for contexts.
pub fn prepare(ctx: &Ctx<'_>) -> Result<()> {
    let class = register(
        ctx,
        qjs::JSClassDef {
            class_name: c"Object".as_ptr(),
            finalizer: Some(finalize),
            gc_mark: Some(mark),
            call: None,
            exotic: std::ptr::null_mut(),
        },
    )?;
    let prototype = Object::new(ctx.clone())?.get_prototype().ok_or(Error::Unknown)?;
    let [append, event, stream] = ["append", "event", "stream"].map(|name| atom_of(ctx, name));
    let contexts = Contexts { class, prototype, append, event, stream, members: RefCell::default() };
    ctx.store_userdata(contexts).map(drop).map_err(|_| Error::Unknown)
}

/// Takes a member that is made when it is touched. The last that comes is there only where there is an event.
pub fn add_member<'js>(ctx: Ctx<'js>, name: String, get: Object<'js>, set: Object<'js>) -> Result<()> {
    let contexts = ctx.userdata::<Contexts>().ok_or(Error::Unknown)?;
    let mut members = contexts.members.borrow_mut();
    if members.len() == MEMBERS_MAX {
        return Err(Exception::throw_range(&ctx, "contexts have no more members"));
    }
    members.push(Member { name: atom_of(&ctx, &name), get, set });
    Ok(())
}

/// The context of a hook. Without an event, that is undefined.
#[allow(unsafe_code)]
pub fn context<'js>(
    ctx: Ctx<'js>,
    hook: Object<'js>,
    append: Value<'js>,
    event: Value<'js>,
    stream: Value<'js>,
) -> Result<Object<'js>> {
    let contexts = ctx.userdata::<Contexts>().ok_or(Error::Unknown)?;
    let raw = ctx.as_raw().as_ptr();
    // SAFETY: the prototype and the hook are alive; the object that is made belongs to the value, and a reference to the
    // hook belongs to the object, which gives it up when it is finalized.
    let context = unsafe {
        let made = qjs::JS_NewObjectProtoClass(raw, contexts.prototype.as_raw(), contexts.class);
        if qjs::JS_IsException(made) {
            return Err(Error::Exception);
        }
        qjs::JS_SetOpaque(made, qjs::JS_VALUE_GET_PTR(qjs::JS_DupValue(raw, hook.as_raw())));
        Value::from_raw(ctx.clone(), made)
    };
    let context = context.into_object().ok_or(Error::Unknown)?;
    let members = contexts.members.borrow();
    let mut members = members.as_slice();
    define(&context, contexts.append, &append)?;
    if event.is_undefined() {
        members = members.split_last().map_or(members, |(_, others)| others);
    } else {
        define(&context, contexts.event, &event)?;
    }
    define(&context, contexts.stream, &stream)?;
    let flags = qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_ENUMERABLE;
    for Member { name, get, set } in members {
        add_accessor(&context, *name, [get, set], flags)?;
    }
    Ok(context)
}

/// The hook whose context this is; undefined for everything else.
#[allow(unsafe_code)]
pub fn hook_of<'js>(ctx: Ctx<'js>, context: Value<'js>) -> Result<Value<'js>> {
    let class = ctx.userdata::<Contexts>().ok_or(Error::Unknown)?.class;
    // SAFETY: the engine looks whether it is an object of that class; then it holds a hook, to which the value gets a
    // reference of its own.
    unsafe {
        let hook = qjs::JS_GetOpaque(context.as_raw(), class);
        if hook.is_null() {
            return Ok(Value::new_undefined(ctx));
        }
        let raw = ctx.as_raw().as_ptr();
        let hook = qjs::JS_DupValue(raw, qjs::JS_MKPTR(qjs::JS_TAG_OBJECT, hook));
        Ok(Value::from_raw(ctx, hook))
    }
}

/// The hook that a context holds, as the engine calls for it.
#[allow(unsafe_code)]
unsafe fn held(context: qjs::JSValue) -> Option<qjs::JSValue> {
    // SAFETY: the engine calls with an object of the class.
    let hook: *mut c_void = unsafe { qjs::JS_GetOpaque(context, qjs::JS_GetClassID(context)) };
    (!hook.is_null()).then(|| qjs::JS_MKPTR(qjs::JS_TAG_OBJECT, hook))
}

#[allow(unsafe_code)]
unsafe extern "C" fn finalize(runtime: *mut qjs::JSRuntime, context: qjs::JSValue) {
    // SAFETY: the object gives up the reference that it got when it was made.
    unsafe {
        if let Some(hook) = held(context) {
            qjs::JS_FreeValueRT(runtime, hook);
        }
    }
}

#[allow(unsafe_code)]
unsafe extern "C" fn mark(runtime: *mut qjs::JSRuntime, context: qjs::JSValue, with: qjs::JS_MarkFunc) {
    // SAFETY: the hook is alive as long as the object holds it.
    unsafe {
        if let Some(hook) = held(context) {
            qjs::JS_MarkValue(runtime, hook, with);
        }
    }
}
