//! Places in a text: the compiler counts UTF-16 units from the start of a file, people lines and columns.

/// The starts of a text's lines, to find places quickly.
pub struct Lines {
    /// The UTF-16 offset at which each line starts.
    starts: Vec<u32>,
}

impl Lines {
    pub fn of(text: &str) -> Lines {
        let mut starts = vec![0];
        let mut offset = 0;
        for character in text.chars() {
            offset += character.len_utf16() as u32;
            if character == '\n' {
                starts.push(offset);
            }
        }
        Lines { starts }
    }

    /// Line and column, from 1, columns in UTF-16 units.
    pub fn place(&self, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        (line as u32, offset - self.starts[line - 1] + 1)
    }
}

/// The UTF-16 offset of a byte offset.
pub fn utf16_offset(text: &str, byte: usize) -> u32 {
    let before = text.get(..byte).unwrap_or(text);
    before.chars().map(char::len_utf16).sum::<usize>() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let text = "let a;\r\n\t\u{1f600}b\nc";
        let lines = Lines::of(text);
        let cases =
            [(0, (1, 1)), (7, (1, 8)), (8, (2, 1)), (11, (2, 4)), (13, (3, 1)), (14, (3, 2)), (99, (3, 87))];
        for (offset, expected) in cases {
            assert_eq!(lines.place(offset), expected, "{offset}");
        }
        assert_eq!(utf16_offset(text, text.find('b').unwrap()), 11);
        assert_eq!(utf16_offset(text, 1000), 14);
    }
}
