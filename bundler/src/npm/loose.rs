//! JSON of which nothing is promised: whatever stands there, reading it does not fail.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

#[derive(Default)]
pub(super) enum Loose<'a> {
    Text(Cow<'a, str>),
    Truth(bool),
    List(Vec<Loose<'a>>),
    Map(BTreeMap<Cow<'a, str>, Loose<'a>>),
    #[default]
    Other,
}

impl<'a> Loose<'a> {
    /// Of a map, the entries that are texts.
    pub(super) fn texts(&self) -> BTreeMap<Cow<'a, str>, Cow<'a, str>> {
        let texts = self.entries().filter_map(|(key, value)| match value {
            Loose::Text(text) => Some((key.clone(), text.clone())),
            _ => None,
        });
        texts.collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&Cow<'a, str>, &Loose<'a>)> {
        match self {
            Loose::Map(map) => Some(map.iter()),
            _ => None,
        }
        .into_iter()
        .flatten()
    }

    /// The texts of a list; one alone stands for a list of one.
    pub(super) fn list(&self) -> Vec<Cow<'a, str>> {
        match self {
            Loose::Text(text) => vec![text.clone()],
            Loose::List(list) => list.iter().flat_map(Loose::list).collect(),
            _ => Vec::new(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Loose<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("anything")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Loose<'de>, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Loose<'de>, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Loose<'de>, E> {
        Ok(Loose::Truth(truth))
    }

    fn visit_unit<E: Error>(self) -> Result<Loose<'de>, E> {
        Ok(Loose::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Loose<'de>, E> {
        Ok(Loose::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Loose<'de>, E> {
        Ok(Loose::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Loose<'de>, E> {
        Ok(Loose::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Loose<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Loose::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Loose<'de>, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry::<Loose<'de>, Loose<'de>>()? {
            if let Loose::Text(key) = key {
                map.insert(key, value);
            }
        }
        Ok(Loose::Map(map))
    }
}
