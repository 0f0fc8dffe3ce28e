//! Whether and where the server's traces go: the names are those of OpenTelemetry, which every collector's users know.

/// A collector that takes OTLP over HTTP, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traces {
    pub endpoint: url::Url,
    /// Of each export, as for a key of the collector's.
    pub headers: Vec<(String, String)>,
    /// Of the server, `service.name` among them.
    pub resource: Vec<(String, String)>,
}

/// None when nothing asks for traces; an error says what cannot be understood.
pub fn traces() -> Result<Option<Traces>, String> {
    traces_of(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))
}

fn traces_of(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Traces>, String> {
    let is = |name: &str, word: &str| variable(name).is_some_and(|value| value.eq_ignore_ascii_case(word));
    if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
        return Ok(None);
    }
    let of_traces = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let of_all = variable("OTEL_EXPORTER_OTLP_ENDPOINT")
        .map(|base| format!("{}/v1/traces", base.trim_end_matches('/')));
    let Some(endpoint) = of_traces.or(of_all) else { return Ok(None) };
    let first = |names: [&str; 2]| names.into_iter().find_map(&variable);
    let protocol = first(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]);
    if protocol.as_deref() == Some("grpc") {
        return Err("OTEL_EXPORTER_OTLP_PROTOCOL is grpc, and traces are exported over HTTP only: set it to http/json, and the endpoint to the collector's HTTP port (4318 as a rule)".into());
    }
    let endpoint = url::Url::parse(&endpoint)
        .ok()
        .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
        .ok_or_else(|| {
            format!("the endpoint of traces, {endpoint}, is not a URL that begins with http:// or https://")
        })?;
    let headers = first(["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"]);
    let mut resource = pairs(&variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default());
    let named = resource.iter().any(|(key, _)| key == "service.name");
    if let Some(name) = variable("OTEL_SERVICE_NAME") {
        resource.retain(|(key, _)| key != "service.name");
        resource.push(("service.name".into(), name));
    } else if !named {
        resource.push(("service.name".into(), "millrace".into()));
    }
    Ok(Some(Traces { endpoint, headers: pairs(&headers.unwrap_or_default()), resource }))
}

/// `name=value`, separated by commas; values may be percent-encoded.
fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text.trim()).decode_utf8_lossy().into_owned();
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_for_traces() {
        let of = |variables: &[(&str, &str)]| {
            let found = traces_of(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
            });
            found.map(|traces| {
                traces.map(|traces| format!("{} {:?} {:?}", traces.endpoint, traces.headers, traces.resource))
            })
        };
        let service = r#"[("service.name", "millrace")]"#;
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/");
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[base]), Ok(Some(format!("http://a:4318/v1/traces [] {service}"))));
        assert_eq!(of(&[base, ("OTEL_SDK_DISABLED", "true")]), Ok(None));
        assert_eq!(of(&[base, ("OTEL_TRACES_EXPORTER", "none")]), Ok(None));
        assert_eq!(
            of(&[
                base,
                ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://b/traces"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, other=y"),
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=c,deployment.environment=d"),
                ("OTEL_SERVICE_NAME", "e"),
            ]),
            Ok(Some(
                r#"https://b/traces [("authorization", "Bearer x"), ("other", "y")] [("deployment.environment", "d"), ("service.name", "e")]"#
                    .into()
            ))
        );
        for wrong in [
            &[base, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "a:4318")],
        ] {
            assert!(of(wrong).is_err(), "{wrong:?}");
        }
    }
}
