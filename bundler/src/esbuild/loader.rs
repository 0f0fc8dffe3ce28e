//! What a file is to esbuild.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    Js,
    Jsx,
    Ts,
    Tsx,
    Json,
    /// A module whose default export is the text.
    Text,
    /// A module whose default export is a `Uint8Array`.
    Binary,
}

impl Loader {
    /// By its extension. What is not code, JSON or known to be text is bytes; a file without an extension is code, as
    /// packages have them.
    pub fn of(path: &str) -> Loader {
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension.to_ascii_lowercase().as_str() {
            "" | "js" | "mjs" | "cjs" => Loader::Js,
            "jsx" => Loader::Jsx,
            "ts" | "mts" | "cts" => Loader::Ts,
            "tsx" => Loader::Tsx,
            "json" => Loader::Json,
            "txt" | "md" | "css" | "csv" | "graphql" | "gql" | "hbs" | "html" | "htm" | "jsonl" | "log"
            | "mdx" | "ndjson" | "njk" | "sql" | "svg" | "toml" | "tsv" | "xml" | "yaml" | "yml" => {
                Loader::Text
            }
            _ => Loader::Binary,
        }
    }

    /// What `with { type: "…" }` makes of a file.
    pub(super) fn of_attribute(value: &str) -> Option<Loader> {
        match value {
            "json" => Some(Loader::Json),
            "text" => Some(Loader::Text),
            "bytes" => Some(Loader::Binary),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Loader::Js => "js",
            Loader::Jsx => "jsx",
            Loader::Ts => "ts",
            Loader::Tsx => "tsx",
            Loader::Json => "json",
            Loader::Text => "text",
            Loader::Binary => "binary",
        }
    }

    /// Whether comments in it mean something to esbuild.
    pub(super) fn is_code(self) -> bool {
        matches!(self, Loader::Js | Loader::Jsx | Loader::Ts | Loader::Tsx)
    }
}

#[cfg(test)]
mod tests {
    use super::Loader;

    #[test]
    fn extensions() {
        for (path, loader) in [
            ("/p/main.ts", Loader::Ts),
            ("/p/a.d.mts", Loader::Ts),
            ("/p/A.TSX", Loader::Tsx),
            ("/s/x@1.0/node_modules/x/bin/run", Loader::Js),
            ("/p/note.md", Loader::Text),
            ("/p/logic.wasm", Loader::Binary),
        ] {
            assert_eq!(Loader::of(path), loader, "{path}");
        }
    }
}
