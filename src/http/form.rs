//! Forms as objects of their fields. A name that is repeated becomes an array of its values.

use std::convert::Infallible;

use base64::Engine as _;
use bytes::Bytes;
use futures_util::stream;
use multer::Multipart;
use serde_json::{Map, Value, json};

use crate::event::Json;
use crate::limits::{FORM_FILES_BYTES_MAX, FORM_PARTS_MAX};

/// `a=1&b=2`.
pub fn of_pairs(text: &str) -> Json {
    let mut fields = Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        add(&mut fields, &name, value.into_owned().into());
    }
    Json::of(&fields)
}

/// `multipart/form-data`: a field is its text, a file `{name, type, size, base64}`. The note says of which files the
/// contents are left out.
pub async fn of_parts(content_type: &str, body: Bytes) -> Result<(Json, String), String> {
    let boundary = multer::parse_boundary(content_type).map_err(|error| error.to_string())?;
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let mut fields = Map::new();
    let mut room = FORM_FILES_BYTES_MAX;
    let mut left_out = 0;
    let mut count = 0;
    while let Some(part) = parts.next_field().await.map_err(|error| error.to_string())? {
        count += 1;
        if count > FORM_PARTS_MAX {
            return Err(format!("it has more than {FORM_PARTS_MAX} parts"));
        }
        let name = part.name().unwrap_or_default().to_string();
        let file = part.file_name().map(str::to_string);
        let media = part.content_type().map(ToString::to_string);
        let content = part.bytes().await.map_err(|error| error.to_string())?;
        let value = match file {
            None => text_or_bytes(&content),
            Some(file) => {
                let mut value = json!({ "name": file, "type": media, "size": content.len() });
                match room.checked_sub(content.len()) {
                    Some(rest) => {
                        room = rest;
                        value["base64"] = base64(&content).into();
                    }
                    None => left_out += 1,
                }
                value
            }
        };
        add(&mut fields, &name, value);
    }
    let note = match left_out {
        0 => String::new(),
        _ => format!(
            " (the contents of {left_out} of its files are left out: together with the others they have more than {FORM_FILES_BYTES_MAX} bytes)"
        ),
    };
    Ok((Json::of(&fields), note))
}

/// The text that some bytes are, or what stands for them.
pub fn text_or_bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "base64": base64(bytes) }),
    }
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn add(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match fields.get_mut(name) {
        None => drop(fields.insert(name.to_string(), value)),
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = json!([first.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (head, content) in parts {
            body.extend(format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n").bytes());
            body.extend_from_slice(content);
            body.extend(b"\r\n");
        }
        body.extend(b"--b--\r\n");
        body
    }

    async fn read(body: &[u8]) -> Result<(Value, String), String> {
        let (object, note) =
            of_parts("multipart/form-data; boundary=b", Bytes::copy_from_slice(body)).await?;
        Ok((object.decode().unwrap(), note))
    }

    #[tokio::test]
    async fn large_files_are_named_without_their_contents() {
        let large = vec![0; FORM_FILES_BYTES_MAX - 1];
        let body = form(&[
            ("name=\"a\"; filename=\"a.bin\"", &large),
            ("name=\"b\"; filename=\"b.bin\"", b"bb"),
            ("name=\"c\"; filename=\"c.bin\"", b"c"),
        ]);
        let (object, note) = read(&body).await.unwrap();
        assert!(object["a"]["base64"].is_string());
        assert_eq!(object["b"], json!({"name": "b.bin", "type": null, "size": 2}));
        assert_eq!(object["c"]["base64"], "Yw==");
        assert!(note.contains("1 of its files"), "{note}");
    }

    #[tokio::test]
    async fn what_is_no_multipart_form_says_why() {
        let many = form(&vec![("name=\"a\"", b"".as_slice()); FORM_PARTS_MAX + 1]);
        for body in [b"hello".as_slice(), b"--b\r\nnonsense", b"", &many] {
            assert!(!read(body).await.unwrap_err().is_empty());
        }
        assert!(of_parts("multipart/form-data", form(&[]).into()).await.is_err());
    }
}
