//! Texts that the prelude hands to Rust in an array. A script may have had its hands in how that was made, so it is looked at
//! before anything is copied out of the isolate's own memory.

use rquickjs::{Ctx, Error, Exception, FromJs, Result, Value};

use crate::limits::{TEXTS_BYTES_MAX, TEXTS_MAX};

pub struct Texts(pub Vec<String>);

impl<'js> FromJs<'js> for Texts {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Texts> {
        let name = value.type_name();
        let Some(array) = value.into_array() else { return Err(Error::new_from_js(name, "texts")) };
        // The engine's own look at the length takes it for a small one.
        let length: f64 = array.as_object().get("length")?;
        let mut texts = Vec::new();
        let mut bytes = 0;
        if length > TEXTS_MAX as f64 {
            return Err(Exception::throw_range(ctx, &format!("there may be {TEXTS_MAX} texts")));
        }
        for at in 0..length as usize {
            let text: String = array.get(at)?;
            bytes += text.len();
            if bytes > TEXTS_BYTES_MAX {
                return Err(Exception::throw_range(
                    ctx,
                    &format!("the texts may have {TEXTS_BYTES_MAX} bytes"),
                ));
            }
            texts.push(text);
        }
        Ok(Texts(texts))
    }
}
