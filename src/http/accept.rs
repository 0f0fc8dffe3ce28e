//! What a client accepts: the media types of its `Accept` headers with their weights (RFC 9110 §12.5.1).

use axum::http::{HeaderMap, header};

pub struct Accept(Vec<Range>);

struct Range {
    media: String,
    /// In thousandths; nothing that weighs nothing is accepted.
    weight: u32,
}

impl Accept {
    pub fn of(headers: &HeaderMap) -> Accept {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        Accept(values.flat_map(|value| value.split(',')).map(Range::parse).collect())
    }

    /// The weight of a type that the client names itself.
    pub fn named(&self, media: &str) -> Option<u32> {
        self.0
            .iter()
            .find(|range| range.media == media)
            .map(|range| range.weight)
            .filter(|weight| *weight > 0)
    }

    /// The weight of a type: that of the range which names it most closely.
    pub fn weight(&self, media: &str) -> Option<u32> {
        let main = media.split('/').next().unwrap_or_default();
        let closest = [media.to_string(), format!("{main}/*"), "*/*".to_string()];
        let found = closest.iter().find_map(|name| self.0.iter().find(|range| range.media == *name));
        found.map(|range| range.weight).filter(|weight| *weight > 0)
    }

    /// Of the `offered` the one that the client likes best: by weight, then what it names itself, then in its order
    /// and ours.
    pub fn best<'a>(&self, offered: &[&'a str]) -> Option<&'a str> {
        let place = |media: &str| self.0.iter().position(|range| range.media == media);
        let liked = offered.iter().filter_map(|media| {
            let place = place(media).unwrap_or(usize::MAX);
            Some((self.weight(media)?, std::cmp::Reverse(place), *media))
        });
        // Of equals `max_by_key` takes the last.
        liked.rev().max_by_key(|(weight, place, _)| (*weight, *place)).map(|(.., media)| media)
    }
}

impl Range {
    fn parse(text: &str) -> Range {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts
            .filter_map(|part| part.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .and_then(|(_, weight)| weight.trim().parse::<f32>().ok())
            .filter(|weight| (0.0..=1.0).contains(weight));
        Range { media, weight: weight.map_or(1_000, |weight| (weight * 1_000.0) as u32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_heaviest() {
        let offered = ["text/event-stream", "application/x-ndjson", "application/json"];
        let cases = [
            ("application/json", Some("application/json")),
            ("application/json;q=0.5, text/event-stream", Some("text/event-stream")),
            ("application/json; Q=0.5 , application/x-ndjson;q=0.7", Some("application/x-ndjson")),
            ("application/json, application/x-ndjson", Some("application/json")),
            ("application/json, text/plain, */*", Some("application/json")),
            ("application/json;q=0.2, */*", Some("text/event-stream")),
            ("*/*", Some("text/event-stream")),
            ("application/*, text/event-stream;q=0.1", Some("application/x-ndjson")),
            ("text/event-stream;q=0, */*;q=0.1", Some("application/x-ndjson")),
            ("application/json;q=0", None),
            ("text/html", None),
            ("application/json;q=nonsense", Some("application/json")),
        ];
        for (header, best) in cases {
            let headers = HeaderMap::from_iter([(header::ACCEPT, header.parse().unwrap())]);
            assert_eq!(Accept::of(&headers).best(&offered), best, "{header}");
        }
    }
}
