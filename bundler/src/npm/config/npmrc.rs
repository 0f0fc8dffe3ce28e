//! The form of `.npmrc`: lines `key = value`, with variables of the environment in them.

use std::collections::BTreeMap;

/// In order of appearance: later ones win. What stands in a section is no setting of npm's.
pub(super) fn parse(text: &str, environment: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        if line.starts_with('[') && line.ends_with(']') {
            break;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, "true"));
        let key = expand(&unquoted(key.trim()), environment);
        settings.push((key, expand(&unquoted(value.trim()), environment)));
    }
    settings
}

/// `npm_config_fetch_retries` is the setting `fetch-retries`, however it is capitalised. What begins with
/// slashes belongs to a registry and is taken as it is.
pub(super) fn from_environment(environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const PREFIX: &str = "npm_config_";
    let mut settings = BTreeMap::new();
    for (variable, value) in environment {
        let Some(start) = variable.get(..PREFIX.len()) else { continue };
        if !start.eq_ignore_ascii_case(PREFIX) || variable.len() == PREFIX.len() {
            continue;
        }
        let name = &variable[PREFIX.len()..];
        let key = if name.starts_with("//") {
            name.to_owned()
        } else {
            let (first, rest) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
            format!("{first}{}", rest.replace('_', "-")).to_lowercase()
        };
        // The lower-case spelling is npm's own: it wins, being last in byte order.
        settings.insert(key, value.clone());
    }
    settings
}

fn unquoted(text: &str) -> String {
    let quoted = |quote: char| text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote);
    if quoted('"') {
        let inner = &text[1..text.len() - 1];
        return serde_json::from_str(text).unwrap_or_else(|_| inner.to_owned());
    }
    if quoted('\'') {
        return text[1..text.len() - 1].to_owned();
    }
    let mut value = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ';' | '#' => break,
            '\\' => match chars.next_if(|next| matches!(next, ';' | '#' | '\\')) {
                Some(escaped) => value.push(escaped),
                None => value.push(c),
            },
            _ => value.push(c),
        }
    }
    value.trim().to_owned()
}

/// `${NAME}` stays as it is when there is no such variable, as with npm; `${NAME?}` becomes empty.
fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let (before, variable) = (&rest[..start], &rest[start..=start + length]);
        let name = &variable[2..variable.len() - 1];
        expanded.push_str(before);
        match (environment.get(name), name.strip_suffix('?')) {
            (Some(value), _) => expanded.push_str(value),
            (None, Some(name)) => expanded.push_str(environment.get(name).map_or("", String::as_str)),
            (None, None) => expanded.push_str(variable),
        }
        rest = &rest[start + length + 1..];
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{from_environment, parse};

    #[test]
    fn lines() {
        let environment = BTreeMap::from([("TOKEN".to_owned(), "t0k3n".to_owned())]);
        let text = "; comment\n# comment\nregistry = https://a.example/ ; the mirror\n\
                    //a.example/:_authToken=${TOKEN}\nb=${NOT_SET}\nc=${NOT_SET?}\nd=\"q;\\\"uoted\"\ne='x#y'\n\
                    f=a\\;b\nfund\nbroken=${\n[section]\ng=1\n";
        let expected = [
            ("registry", "https://a.example/"),
            ("//a.example/:_authToken", "t0k3n"),
            ("b", "${NOT_SET}"),
            ("c", ""),
            ("d", "q;\"uoted"),
            ("e", "x#y"),
            ("f", "a;b"),
            ("fund", "true"),
            ("broken", "${"),
        ];
        let found = parse(text, &environment);
        let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn variables() {
        let environment = [
            ("NPM_CONFIG_REGISTRY", "upper"),
            ("npm_config_registry", "lower"),
            ("npm_config_replace_registry_host", "never"),
            ("npm_config_//a.example/:_authToken", "t"),
            ("npm_config_@s:registry", "scoped"),
            ("npm_config_", "nothing"),
            ("é", "é"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let expected = [
            ("//a.example/:_authToken", "t"),
            ("@s:registry", "scoped"),
            ("registry", "lower"),
            ("replace-registry-host", "never"),
        ];
        let found = from_environment(&environment);
        let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, expected);
    }
}
