//! The bytes of the values: pinned, and read back from whatever was written.

use proptest::prelude::*;

use super::super::record::{self, Assembly, Frame};
use super::*;
use crate::event::{Cause, Slug, Source, SourceKind};
use crate::limits::VALUE_BYTES_MAX;

fn encoded(event: &Event) -> Vec<u8> {
    let mut content = Vec::new();
    record::encode_event(event, &mut content);
    content
}

fn decoded(content: &[u8], event: &Event) -> Result<Event, &'static str> {
    record::decode_event(content, event.path.clone(), event.offset)
}

#[test]
fn the_bytes_of_an_event() {
    let text = r#"{"type":"t","payload":{"a":1},"metadata":{"m":2},"idempotencyKey":"k"}"#;
    let path = StreamPath::parse("/a").unwrap();
    let at = Timestamp::from_millis(0x0102);
    let event = Event::place(EventInput::parse(text).unwrap(), path, Offset(1), at, Some(Source::server()));
    let mut batch = Batch::default();
    let key = keys::event(StreamId(1), Offset(1));
    record::put_framed(&mut batch, &key, |content| record::encode_event(&event, content));
    let (_, value) = batch.writes().next().unwrap();
    let hex: String = value.unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = [
        "893a83c1",
        "00",
        "01000000080000000000000102",
        "020000000174",
        "03000000077b2261223a317d",
        "04000000077b226d223a327d",
        "05000000016b",
        "060000001b7b226b696e64223a22736572766572222c226465707468223a307d",
    ];
    assert_eq!(hex, expected.concat());
}

#[test]
fn a_clients_own_source_takes_no_bytes() {
    let mut event = Event::place(
        EventInput::parse(r#"{"type":"t"}"#).unwrap(),
        StreamPath::root(),
        Offset(1),
        Timestamp::from_millis(0),
        Some(Source::client()),
    );
    assert!(encoded(&event).ends_with(&[6, 0, 0, 0, 0]));
    assert_eq!(decoded(&encoded(&event), &event).unwrap().source, Some(Source::client()));
    event.source = None;
    assert_eq!(decoded(&encoded(&event), &event).unwrap().source, None);
}

fn any_source() -> impl Strategy<Value = Option<Source>> {
    let kind = prop_oneof![Just(SourceKind::Client), Just(SourceKind::Processor), Just(SourceKind::Schedule)];
    let slug = proptest::option::of(Just(Slug::parse("s").unwrap()));
    let cause = any::<u64>().prop_map(|offset| Cause { stream_path: "/c".into(), offset });
    let some = (kind, slug, proptest::option::of(any::<String>()), proptest::option::of(cause), any::<u32>());
    let some =
        some.prop_map(|(kind, slug, principal, cause, depth)| Source { kind, slug, principal, cause, depth });
    proptest::option::of(some)
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = || any::<String>().prop_map(|text| Json::of(&serde_json::json!({ "text": text })));
    (".{1,40}", text(), proptest::option::of(text()), any::<String>(), any::<i32>(), any_source())
        .prop_filter_map(
            "a type and a key are not only white space",
            |(event_type, payload, metadata, key, at, source)| {
                let mut input = EventInput::new(EventType::parse(&event_type).ok()?, payload);
                (input.metadata, input.idempotency_key) = (metadata, IdempotencyKey::parse(&key));
                let at = Timestamp::from_millis(i64::from(at));
                Some(Event::place(input, StreamPath::root(), Offset(9), at, source))
            },
        )
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(event in any_event()) {
        let decoded = decoded(&encoded(&event), &event).unwrap();
        prop_assert_eq!(decoded.wire(), event.wire());
        prop_assert_eq!(decoded.source, event.source);
    }

    #[test]
    fn whatever_is_decoded_nothing_panics(content in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = record::decode_event(&content, StreamPath::root(), Offset(1));
        let _ = Frame::decode(&content);
        let _ = lookup::decode_record(StreamId(1), &content);
        let _ = record::unseal(b"key", &content);
        let _ = keys::event_place(&content);
        let _ = keys::split_project(&content, 1);
    }

    #[test]
    fn a_flipped_bit_breaks_the_seal(content in proptest::collection::vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>()) {
        let mut batch = Batch::default();
        batch.put(b"key", |value| value.extend_from_slice(&content));
        let mut value = batch.take_last();
        prop_assert_eq!(record::unseal(b"key", &value), Ok(&content[..]));
        prop_assert!(record::unseal(b"kez", &value).is_err());
        let bit = at.index(value.len() * 8);
        value[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(record::unseal(b"key", &value).is_err());
    }
}

#[test]
fn contents_of_every_length_come_out_of_their_pieces() {
    for bytes in
        [0, 1, VALUE_BYTES_MAX - 6, VALUE_BYTES_MAX - 5, VALUE_BYTES_MAX - 4, 131_000, 131_072, 3_000_000]
    {
        let content: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
        let mut batch = Batch::default();
        let pieces = record::put_framed(&mut batch, b"key", |value| value.extend_from_slice(&content));
        assert_eq!(pieces as usize, batch.len());
        assert!(batch.writes().all(|(_, value)| value.unwrap().len() <= VALUE_BYTES_MAX));
        assert_eq!(assemble(&batch), content);
    }
}

fn assemble(batch: &Batch) -> Vec<u8> {
    let mut values = batch.writes().map(|(key, value)| record::unseal(key, value.unwrap()).unwrap());
    match Frame::decode(values.next().unwrap()).unwrap() {
        Frame::Whole(content) => content.to_vec(),
        Frame::First { pieces, checksum, content } => {
            let mut assembly = Assembly::begin(pieces, checksum, content);
            (1..).zip(values).for_each(|(number, piece)| assembly.add(number, piece).unwrap());
            assembly.finish().unwrap()
        }
    }
}
