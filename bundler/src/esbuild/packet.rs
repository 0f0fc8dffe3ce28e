//! The packets of esbuild's service: what goes over its standard input and output.
//!
//! ```text
//! packet   length of the rest: u32 · id: u32, its lowest bit 1 in an answer · value
//! value    0                                        null
//!          1  u8                                    boolean
//!          2  u32                                   integer
//!          3  length: u32, UTF-8                    text
//!          4  length: u32, bytes                    bytes
//!          5  count: u32, values                    list
//!          6  count: u32, (length: u32, UTF-8, value)*   map
//! ```
//! All numbers are little-endian.

use bytes::{Buf as _, Bytes};

use crate::limits::ESBUILD_VALUE_DEPTH_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(u32),
    Text(String),
    Bytes(Bytes),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Answer,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub id: u32,
    pub direction: Direction,
    pub value: Value,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("esbuild sent a packet that makes no sense")]
pub(super) struct Malformed;

impl Packet {
    /// With its length in front.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.value.size() + 8);
        put(&mut bytes, 0);
        let answer = u32::from(self.direction == Direction::Answer);
        put(&mut bytes, self.id << 1 | answer);
        self.value.encode(&mut bytes);
        let length =
            u32::try_from(bytes.len() - 4).expect("what goes into a packet is bounded far below 4 GiB");
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    /// Without the length. Bytes inside are shared, not copied.
    pub fn decode(mut bytes: Bytes) -> Result<Packet, Malformed> {
        let head = take(&mut bytes)?;
        let direction = if head & 1 == 1 { Direction::Answer } else { Direction::Request };
        let value = Value::decode(&mut bytes, 0)?;
        match bytes.is_empty() {
            true => Ok(Packet { id: head >> 1, direction, value }),
            false => Err(Malformed),
        }
    }
}

impl Value {
    pub fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
        Value::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }

    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(text.into())
    }

    pub fn empty_list() -> Value {
        Value::List(Vec::new())
    }

    pub fn find(&self, key: &str) -> Option<&Value> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text under a key; empty when there is none.
    pub fn text_of(&self, key: &str) -> &str {
        match self.find(key) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    pub fn int_of(&self, key: &str) -> Option<u32> {
        match self.find(key) {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    pub fn bytes_of(&self, key: &str) -> Option<&Bytes> {
        match self.find(key) {
            Some(Value::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// The list under a key; empty when there is none.
    pub fn list_of(&self, key: &str) -> &[Value] {
        match self.find(key) {
            Some(Value::List(values)) => values,
            _ => &[],
        }
    }

    /// Of its encoded form.
    fn size(&self) -> usize {
        match self {
            Value::Null => 1,
            Value::Bool(_) => 2,
            Value::Int(_) => 5,
            Value::Text(text) => 5 + text.len(),
            Value::Bytes(value) => 5 + value.len(),
            Value::List(values) => 5 + values.iter().map(Value::size).sum::<usize>(),
            Value::Map(entries) => {
                5 + entries.iter().map(|(key, value)| 4 + key.len() + value.size()).sum::<usize>()
            }
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Value::Null => bytes.push(0),
            Value::Bool(value) => bytes.extend([1, u8::from(*value)]),
            Value::Int(value) => {
                bytes.push(2);
                put(bytes, *value);
            }
            Value::Text(text) => {
                bytes.push(3);
                put_bytes(bytes, text.as_bytes());
            }
            Value::Bytes(value) => {
                bytes.push(4);
                put_bytes(bytes, value);
            }
            Value::List(values) => {
                bytes.push(5);
                put(bytes, length(values.len()));
                values.iter().for_each(|value| value.encode(bytes));
            }
            Value::Map(entries) => {
                bytes.push(6);
                put(bytes, length(entries.len()));
                for (key, value) in entries {
                    put_bytes(bytes, key.as_bytes());
                    value.encode(bytes);
                }
            }
        }
    }

    fn decode(bytes: &mut Bytes, depth: usize) -> Result<Value, Malformed> {
        if depth > ESBUILD_VALUE_DEPTH_MAX {
            return Err(Malformed);
        }
        match bytes.try_get_u8().map_err(|_| Malformed)? {
            0 => Ok(Value::Null),
            1 => bytes.try_get_u8().map(|value| Value::Bool(value != 0)).map_err(|_| Malformed),
            2 => take(bytes).map(Value::Int),
            3 => take_text(bytes).map(Value::Text),
            4 => take_bytes(bytes).map(Value::Bytes),
            5 => (0..take(bytes)?)
                .map(|_| Value::decode(bytes, depth + 1))
                .collect::<Result<_, _>>()
                .map(Value::List),
            6 => (0..take(bytes)?)
                .map(|_| Ok((take_text(bytes)?, Value::decode(bytes, depth + 1)?)))
                .collect::<Result<_, _>>()
                .map(Value::Map),
            _ => Err(Malformed),
        }
    }
}

fn length(length: usize) -> u32 {
    u32::try_from(length).expect("what goes into a packet is bounded far below 4 GiB")
}

fn put(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend(value.to_le_bytes());
}

fn put_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    put(bytes, length(value.len()));
    bytes.extend(value);
}

fn take(bytes: &mut Bytes) -> Result<u32, Malformed> {
    bytes.try_get_u32_le().map_err(|_| Malformed)
}

fn take_bytes(bytes: &mut Bytes) -> Result<Bytes, Malformed> {
    let length = take(bytes)? as usize;
    if length > bytes.len() {
        return Err(Malformed);
    }
    Ok(bytes.split_to(length))
}

/// Go's strings need not be UTF-8: whatever is not is replaced, as when it would be printed.
fn take_text(bytes: &mut Bytes) -> Result<String, Malformed> {
    let bytes = take_bytes(bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Direction, Malformed, Packet, Value};

    #[test]
    fn decoded_after_encoded() {
        let value = Value::map([
            ("nothing", Value::Null),
            ("yes", Value::Bool(true)),
            ("number", Value::Int(u32::MAX)),
            ("text", Value::text("ä")),
            ("bytes", Value::Bytes(Bytes::from_static(b"\0\xff"))),
            ("list", Value::List(vec![Value::Bool(false), Value::map([])])),
        ]);
        for direction in [Direction::Request, Direction::Answer] {
            let packet = Packet { id: 7, direction, value: value.clone() };
            let bytes = packet.encode();
            assert_eq!(bytes[..4], (bytes.len() as u32 - 4).to_le_bytes());
            assert_eq!(bytes.len(), packet.value.size() + 8);
            assert_eq!(Packet::decode(Bytes::from(bytes).slice(4..)), Ok(packet));
        }
    }

    #[test]
    fn malformed() {
        let deep = [&[0, 0, 0, 0][..], &[5, 1, 0, 0, 0].repeat(1_000), &[0]].concat();
        let cases: [&[u8]; 8] = [
            b"",
            b"\0\0\0\0",
            b"\0\0\0\0\x07",
            b"\0\0\0\0\0\0",
            b"\0\0\0\0\x02\x01",
            b"\0\0\0\0\x03\xff\xff\xff\xffabc",
            b"\0\0\0\0\x05\xff\xff\xff\xff",
            &deep,
        ];
        for bytes in cases {
            assert_eq!(Packet::decode(Bytes::copy_from_slice(bytes)), Err(Malformed), "{bytes:?}");
        }
    }
}
