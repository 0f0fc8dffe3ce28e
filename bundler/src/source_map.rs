//! From a place in a bundle back to the place in the file that somebody wrote.

use swc_sourcemap::SourceMap as Decoded;

use crate::esbuild::is_made_up;

/// A source map (version 3), decoded. What is malformed is no map.
pub struct SourceMap(Decoded);

/// A place in a source; line and column count from 1, the column in UTF-16 units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    pub file: String,
    pub line: u32,
    pub column: u32,
}

impl SourceMap {
    pub fn parse(json: &str) -> Option<SourceMap> {
        Decoded::from_slice(json.as_bytes()).ok().map(SourceMap)
    }

    /// Where the bundle's line and column (from 1) come from. None for what the bundler itself has put there.
    pub fn lookup(&self, line: u32, column: u32) -> Option<Original> {
        let token = self.0.lookup_token(line.checked_sub(1)?, column.saturating_sub(1))?;
        // A line without a mapping of its own has nothing to do with the one before it.
        if token.get_dst_line() != line - 1 {
            return None;
        }
        let file = token.get_source().filter(|source| !is_made_up(source))?.to_string();
        Some(Original { file, line: token.get_src_line() + 1, column: token.get_src_col() + 1 })
    }

    /// The text of a source, as far as the map has it.
    pub fn text(&self, file: &str) -> Option<&str> {
        let index = self.0.sources().position(|source| source == file)?;
        self.0.get_source_contents(u32::try_from(index).ok()?).map(|text| text.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_map() {
        let json = r#"{"version":3,"sources":["a.ts"],"sourcesContent":["const x = 1;\nthrow x;\n"],"names":[],"mappings":"AAAA;;MACM"}"#;
        let map = SourceMap::parse(json).unwrap();
        let cases = [
            ((1, 1), Some((1, 1))),
            ((1, 9), Some((1, 1))),
            ((2, 1), None),
            ((3, 7), Some((2, 7))),
            ((0, 1), None),
        ];
        for ((line, column), expected) in cases {
            let expected = expected.map(|(line, column)| Original { file: "a.ts".into(), line, column });
            assert_eq!(map.lookup(line, column), expected, "{line}:{column}");
        }
        assert_eq!(map.text("a.ts").map(str::len), Some(22));
        assert!(SourceMap::parse("{}").is_none_or(|map| map.lookup(1, 1).is_none()));
    }
}
