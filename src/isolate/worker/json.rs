//! Events as values: what `JSON.parse` makes of their texts, at less than its price. The names of their members are
//! nearly always those of the events before; `JSON.parse` makes a string of each, looks it up, and drops it. And where an
//! event is wanted twice, once to be reduced and once to be acted on, so that neither sees what the other did to it, the
//! strings in it are made once.

mod text;

use std::cell::RefCell;

use rquickjs::{Ctx, Error, Result, Value, qjs};

/// Names that are remembered, each at one of a few places behind a mixture of its letters. Every isolate has room for so
/// many, once it has had an event.
const NAMES: usize = 64;
const PLACES: usize = 4;
const NAME_BYTES_MAX: usize = 64;

/// What is longer is left to `JSON.parse`: there the names are a small part of it, and what is read here waits in memory
/// that no isolate counts.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// What is nested deeper is left to `JSON.parse`, which looks at the engine's stack.
const DEPTH_MAX: usize = 64;

/// The names of members in one runtime, which frees them at its end, with all others.
#[derive(Default)]
pub struct Names(RefCell<Vec<Option<Name>>>);

struct Name {
    letters: Box<[u8]>,
    atom: qjs::JSAtom,
}

impl Names {
    /// What a text stands for.
    pub fn value<'js>(&self, ctx: &Ctx<'js>, text: &[u8]) -> Result<Value<'js>> {
        self.values(ctx, text, false).map(|(value, _)| value)
    }

    /// The same, and if it is wanted `twice`, and short, once more: nothing in one that can be changed is in the other.
    pub fn values<'js>(
        &self,
        ctx: &Ctx<'js>,
        text: &[u8],
        twice: bool,
    ) -> Result<(Value<'js>, Option<Value<'js>>)> {
        match self.read(ctx, text, twice) {
            Ok(Twin { one, other }) => Ok((one.into_value(ctx), other.map(|other| other.into_value(ctx)))),
            Err(Stop::Unusual) => Ok((ctx.json_parse(text)?, None)),
            Err(Stop::Thrown) => Err(Error::Exception),
        }
    }

    fn read(&self, ctx: &Ctx<'_>, text: &[u8], twice: bool) -> Read<Twin> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Stop::Unusual);
        }
        let ctx = ctx.as_raw().as_ptr();
        let members = Vec::new();
        let mut reader = Reader { ctx, names: self, text, at: 0, depth: 0, twice, members };
        let read = reader.value()?;
        reader.skip_space();
        if reader.at == text.len() { Ok(read) } else { Err(Stop::Unusual) }
    }

    /// The name that letters stand for.
    fn find(&self, ctx: *mut qjs::JSContext, letters: &[u8]) -> Read<Atom> {
        let mixed = letters
            .iter()
            .fold(letters.len(), |mixed, letter| mixed.wrapping_mul(31).wrapping_add(usize::from(*letter)));
        let mut known = self.0.borrow_mut();
        if known.is_empty() {
            known.resize_with(NAMES, || None);
        }
        let mut places = (0..PLACES).map(|next| mixed.wrapping_add(next) % NAMES);
        let place = places.find(|at| known[*at].as_ref().is_none_or(|name| *name.letters == *letters));
        if let Some(name) = place.and_then(|at| known[at].as_ref()) {
            return Ok(Atom { ctx, atom: name.atom, is_kept: true });
        }
        let atom = atom_of(ctx, letters)?;
        // What has its place stays: names that take turns there would cost more than they save.
        let place = place.filter(|_| letters.len() <= NAME_BYTES_MAX);
        if let Some(at) = place {
            known[at] = Some(Name { letters: letters.into(), atom });
        }
        Ok(Atom { ctx, atom, is_kept: place.is_some() })
    }
}

/// A name on its way to its members; those that are kept stay.
struct Atom {
    ctx: *mut qjs::JSContext,
    atom: qjs::JSAtom,
    is_kept: bool,
}

impl Drop for Atom {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        if !self.is_kept {
            // SAFETY: it was made for this one, and nobody else has it.
            unsafe { qjs::JS_FreeAtom(self.ctx, self.atom) };
        }
    }
}

#[allow(unsafe_code)]
fn atom_of(ctx: *mut qjs::JSContext, letters: &[u8]) -> Read<qjs::JSAtom> {
    // SAFETY: the context is alive, and the letters are copied.
    let atom = unsafe {
        if letters.is_ascii() {
            qjs::JS_NewAtomLen(ctx, letters.as_ptr().cast(), letters.len() as _)
        } else {
            // The engine takes the bytes of others for letters when it looks for a name.
            let name = Held::string(ctx, letters)?;
            qjs::JS_ValueToAtom(ctx, name.value)
        }
    };
    if atom == qjs::JS_ATOM_NULL { Err(Stop::Thrown) } else { Ok(atom) }
}

/// Why a text is not read to its end.
enum Stop {
    /// It is for `JSON.parse` to say what it is.
    Unusual,
    /// The engine has thrown: there is no memory left.
    Thrown,
}

type Read<T> = std::result::Result<T, Stop>;

/// A value of the engine's, freed if nobody takes it.
struct Held {
    ctx: *mut qjs::JSContext,
    value: qjs::JSValue,
}

#[allow(unsafe_code)]
impl Held {
    fn new(ctx: *mut qjs::JSContext, value: qjs::JSValue) -> Read<Held> {
        // SAFETY: looks at the tag.
        if unsafe { qjs::JS_IsException(value) } { Err(Stop::Thrown) } else { Ok(Held { ctx, value }) }
    }

    fn string(ctx: *mut qjs::JSContext, letters: &[u8]) -> Read<Held> {
        // SAFETY: the context is alive, and the letters are copied.
        Held::new(ctx, unsafe { qjs::JS_NewStringLen(ctx, letters.as_ptr().cast(), letters.len() as _) })
    }

    fn number(ctx: *mut qjs::JSContext, number: f64) -> Held {
        // SAFETY: the number is in the value itself.
        Held { ctx, value: unsafe { qjs::JS_NewNumber(ctx, number) } }
    }

    fn object(ctx: *mut qjs::JSContext) -> Read<Held> {
        // SAFETY: the context is alive.
        Held::new(ctx, unsafe { qjs::JS_NewObject(ctx) })
    }

    fn array(ctx: *mut qjs::JSContext, elements: Vec<Held>) -> Read<Held> {
        let elements: Vec<qjs::JSValue> = elements.into_iter().map(Held::into_raw).collect();
        // SAFETY: the array takes the elements, or they are freed.
        Held::new(ctx, unsafe { qjs::JS_NewArrayFrom(ctx, elements.len() as i32, elements.as_ptr()) })
    }

    /// Gives an object a member, whatever its prototype says.
    fn define(&self, name: &Atom, value: Held) -> Read<()> {
        let flags = qjs::JS_PROP_C_W_E as i32;
        // SAFETY: both are alive, and the value's reference goes to the object.
        let outcome =
            unsafe { qjs::JS_DefinePropertyValue(self.ctx, self.value, name.atom, value.into_raw(), flags) };
        if outcome < 0 { Err(Stop::Thrown) } else { Ok(()) }
    }

    fn again(&self) -> Held {
        // SAFETY: it is alive as long as it is held.
        Held { ctx: self.ctx, value: unsafe { qjs::JS_DupValue(self.ctx, self.value) } }
    }

    fn into_raw(self) -> qjs::JSValue {
        let value = self.value;
        std::mem::forget(self);
        value
    }

    fn into_value<'js>(self, ctx: &Ctx<'js>) -> Value<'js> {
        // SAFETY: its reference goes to the value.
        unsafe { Value::from_raw(ctx.clone(), self.into_raw()) }
    }
}

impl Drop for Held {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: one reference is held, and given up once.
        unsafe { qjs::JS_FreeValue(self.ctx, self.value) };
    }
}

/// A value, and another one like it where that is wanted.
struct Twin {
    one: Held,
    other: Option<Held>,
}

struct Reader<'a> {
    ctx: *mut qjs::JSContext,
    names: &'a Names,
    text: &'a [u8],
    at: usize,
    depth: usize,
    twice: bool,
    /// Those of the objects under way that are wanted twice.
    members: Vec<(Atom, Held)>,
}

impl Reader<'_> {
    fn value(&mut self) -> Read<Twin> {
        self.skip_space();
        match self.text.get(self.at) {
            Some(b'"') => {
                self.at += 1;
                let letters = text::letters(self.text, &mut self.at).ok_or(Stop::Unusual)?;
                Ok(self.twin(Held::string(self.ctx, &letters)?))
            }
            Some(b'{') => self.nested(Reader::object),
            Some(b'[') => self.nested(Reader::array),
            Some(b't') => self.literal(b"true", qjs::JS_TRUE),
            Some(b'f') => self.literal(b"false", qjs::JS_FALSE),
            Some(b'n') => self.literal(b"null", qjs::JS_NULL),
            _ => {
                let number = text::number(self.text, &mut self.at).ok_or(Stop::Unusual)?;
                Ok(self.twin(Held::number(self.ctx, number)))
            }
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Read<Twin>) -> Read<Twin> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Stop::Unusual);
        }
        let twin = read(self)?;
        self.depth -= 1;
        Ok(twin)
    }

    fn object(&mut self) -> Read<Twin> {
        let one = Held::object(self.ctx)?;
        let begin = self.members.len();
        if !self.passes(b'}') {
            loop {
                self.expect(b'"')?;
                let letters = text::letters(self.text, &mut self.at).ok_or(Stop::Unusual)?;
                let name = self.names.find(self.ctx, &letters)?;
                self.expect(b':')?;
                let Twin { one: value, other } = self.value()?;
                one.define(&name, value)?;
                self.members.extend(other.map(|other| (name, other)));
                if self.passes(b'}') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        let other = if self.twice { Some(self.other_object(begin)?) } else { None };
        Ok(Twin { one, other })
    }

    /// Made behind the first. Two objects that grow side by side share what the engine knows of their members, and each
    /// member would have it copied.
    fn other_object(&mut self, begin: usize) -> Read<Held> {
        let object = Held::object(self.ctx)?;
        for (name, value) in self.members.drain(begin..) {
            object.define(&name, value)?;
        }
        Ok(object)
    }

    fn array(&mut self) -> Read<Twin> {
        let (mut ones, mut others) = (Vec::new(), Vec::new());
        if !self.passes(b']') {
            loop {
                let Twin { one, other } = self.value()?;
                ones.push(one);
                others.extend(other);
                if self.passes(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        let one = Held::array(self.ctx, ones)?;
        let other = if self.twice { Some(Held::array(self.ctx, others)?) } else { None };
        Ok(Twin { one, other })
    }

    fn literal(&mut self, word: &[u8], value: qjs::JSValue) -> Read<Twin> {
        if !self.text[self.at..].starts_with(word) {
            return Err(Stop::Unusual);
        }
        self.at += word.len();
        Ok(self.twin(Held { ctx: self.ctx, value }))
    }

    /// Of what cannot be changed.
    fn twin(&self, one: Held) -> Twin {
        let other = self.twice.then(|| one.again());
        Twin { one, other }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    /// Whether that sign comes next, behind which the reader is then.
    fn passes(&mut self, sign: u8) -> bool {
        self.skip_space();
        let is_next = self.text.get(self.at) == Some(&sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, sign: u8) -> Read<()> {
        if self.passes(sign) { Ok(()) } else { Err(Stop::Unusual) }
    }
}

#[cfg(test)]
mod tests;
