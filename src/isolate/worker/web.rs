//! What the web globals of the prelude need of Rust: bytes of random, encodings, URLs.

use encoding_rs::{CoderResult, DecoderResult, Encoding};
use rquickjs::class::Trace;
use rquickjs::{Class, Ctx, Exception, Function, JsLifetime, Object, Result, TypedArray};
use url::Url;
use url::{form_urlencoded, quirks};

use super::natives::bare;
use super::texts::Texts;
use super::urls;

/// Between text and bytes.
pub fn text<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("utf8Encode", Function::new(ctx.clone(), utf8_encode)?)?;
    native.set("utf8Decode", Function::new(ctx.clone(), utf8_decode)?)?;
    native.set("utf8Text", Function::new(ctx.clone(), utf8_text)?)?;
    native.set("isUtf8", Function::new(ctx.clone(), is_utf8)?)?;
    native.set("encodingName", Function::new(ctx.clone(), encoding_name)?)?;
    native.set("decoder", Function::new(ctx.clone(), decoder)?)?;
    Ok(native)
}

pub fn url<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("urlParse", Function::new(ctx.clone(), url_parse)?)?;
    native.set("urlSet", Function::new(ctx.clone(), url_set)?)?;
    native.set("domainToUnicode", Function::new(ctx.clone(), domain_to_unicode)?)?;
    native.set("formParse", Function::new(ctx.clone(), form_parse)?)?;
    native.set("formSerialize", Function::new(ctx.clone(), form_serialize)?)?;
    Ok(native)
}

pub fn randomness<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("random", Function::new(ctx.clone(), random)?)?;
    Ok(native)
}

fn random<'js>(ctx: Ctx<'js>, length: usize) -> Result<TypedArray<'js, u8>> {
    let mut bytes = vec![0; length.min(65_536)];
    getrandom::fill(&mut bytes)
        .map_err(|_| Exception::throw_message(&ctx, "the system gives no randomness"))?;
    TypedArray::new_copy(ctx, bytes)
}

// --- encodings ------------------------------------------------------------------------------------------

fn utf8_encode<'js>(ctx: Ctx<'js>, text: String) -> Result<TypedArray<'js, u8>> {
    // A copy lies in the isolate's own memory, and is counted there.
    TypedArray::new_copy(ctx, text.as_bytes())
}

/// What is not valid is replaced; a byte order mark is not part of the text.
#[allow(unsafe_code)]
fn utf8_decode<'js>(ctx: Ctx<'js>, bytes: TypedArray<'js, u8>) -> Result<rquickjs::String<'js>> {
    // SAFETY: no JavaScript runs, and nothing is freed, before these bytes have been read.
    let bytes = unsafe { bytes.as_bytes() }.unwrap_or_default();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    rquickjs::String::from_str(ctx, &String::from_utf8_lossy(bytes))
}

/// The same, but a byte order mark stays: it is a character like any other to `Buffer`.
#[allow(unsafe_code)]
fn utf8_text<'js>(ctx: Ctx<'js>, bytes: TypedArray<'js, u8>) -> Result<rquickjs::String<'js>> {
    // SAFETY: no JavaScript runs, and nothing is freed, before these bytes have been read.
    let bytes = unsafe { bytes.as_bytes() }.unwrap_or_default();
    rquickjs::String::from_str(ctx, &String::from_utf8_lossy(bytes))
}

#[allow(unsafe_code)]
fn is_utf8(bytes: TypedArray<'_, u8>) -> bool {
    // SAFETY: no JavaScript runs, and nothing is freed, before these bytes have been read.
    unsafe { bytes.as_bytes() }.is_some_and(|bytes| std::str::from_utf8(bytes).is_ok())
}

fn encoding_name(label: String) -> Option<String> {
    let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
    Some(encoding.name().to_ascii_lowercase())
}

fn decoder<'js>(ctx: Ctx<'js>, name: String, fatal: bool, ignore_bom: bool) -> Result<Class<'js, Decoder>> {
    let encoding = Encoding::for_label(name.as_bytes())
        .ok_or_else(|| Exception::throw_range(&ctx, "the encoding is not known"))?;
    let inner = if ignore_bom {
        encoding.new_decoder_without_bom_handling()
    } else {
        encoding.new_decoder_with_bom_removal()
    };
    Class::instance(ctx, Decoder { inner, fatal })
}

/// The state of a `TextDecoder` between the chunks of a stream.
#[derive(Trace, JsLifetime)]
#[rquickjs::class]
pub struct Decoder {
    #[qjs(skip_trace)]
    inner: encoding_rs::Decoder,
    fatal: bool,
}

#[rquickjs::methods]
impl Decoder {
    /// None when the bytes are not valid, and that is fatal.
    #[allow(unsafe_code)]
    fn decode(&mut self, bytes: TypedArray<'_, u8>, last: bool) -> Option<String> {
        // SAFETY: no JavaScript runs, and nothing is freed, before these bytes have been read.
        let bytes = unsafe { bytes.as_bytes() }?;
        let mut text = String::new();
        if self.fatal {
            text.reserve(self.inner.max_utf8_buffer_length_without_replacement(bytes.len())?);
            let (result, _) = self.inner.decode_to_string_without_replacement(bytes, &mut text, last);
            return (result == DecoderResult::InputEmpty).then_some(text);
        }
        text.reserve(self.inner.max_utf8_buffer_length(bytes.len())?);
        let (result, _, _) = self.inner.decode_to_string(bytes, &mut text, last);
        (result == CoderResult::InputEmpty).then_some(text)
    }
}

// --- URLs -----------------------------------------------------------------------------------------------

fn url_parse(text: String, base: Option<String>) -> Option<Vec<String>> {
    let base = match base {
        Some(base) => Some(urls::parse(&base, None)?),
        None => None,
    };
    urls::parse(&text, base.as_ref()).map(|url| parts(&url))
}

/// The parts of a URL after one of them was set; none when it cannot be.
fn url_set(href: String, field: String, value: String) -> Option<Vec<String>> {
    let mut url = Url::parse(&href).ok()?;
    let set = match field.as_str() {
        "href" => quirks::set_href(&mut url, &value).is_ok(),
        "protocol" => quirks::set_protocol(&mut url, &value).is_ok(),
        "username" => quirks::set_username(&mut url, &value).is_ok(),
        "password" => quirks::set_password(&mut url, &value).is_ok(),
        "host" => quirks::set_host(&mut url, &value).is_ok(),
        "hostname" => quirks::set_hostname(&mut url, &value).is_ok(),
        "port" => quirks::set_port(&mut url, &value).is_ok(),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            true
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            true
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            true
        }
        _ => false,
    };
    set.then(|| parts(&urls::corrected(url)))
}

/// In the order of the prelude's `FIELDS`.
fn parts(url: &Url) -> Vec<String> {
    vec![
        quirks::href(url).into(),
        urls::origin(url),
        quirks::protocol(url).into(),
        quirks::username(url).into(),
        quirks::password(url).into(),
        quirks::host(url).into(),
        quirks::hostname(url).into(),
        quirks::port(url).into(),
        quirks::pathname(url).into(),
        quirks::search(url).into(),
        quirks::hash(url).into(),
    ]
}

fn domain_to_unicode(domain: String) -> String {
    url::quirks::domain_to_unicode(&domain)
}

/// Names and values in turn.
fn form_parse(text: String) -> Vec<String> {
    form_urlencoded::parse(text.as_bytes())
        .flat_map(|(name, value)| [name.into_owned(), value.into_owned()])
        .collect()
}

fn form_serialize(Texts(flat): Texts) -> String {
    let mut serializer = form_urlencoded::Serializer::new(String::new());
    for pair in flat.chunks_exact(2) {
        if let [name, value] = pair {
            serializer.append_pair(name, value);
        }
    }
    serializer.finish()
}
