//! The terminal: what goes to stdout and stderr, and when it may have colours. Results go to stdout, everything
//! said beside them to stderr.

use std::io::{self, IsTerminal, Write};

use crate::config;

/// The parts of a line that a person tells apart by colour.
#[derive(Clone, Copy, Debug)]
pub enum Style {
    Strong,
    Faint,
    Good,
    Bad,
    Warning,
    Name,
}

/// Colours text, or leaves it alone.
#[derive(Clone, Copy, Debug)]
pub struct Paint(bool);

impl Paint {
    pub fn stdout() -> Paint {
        Paint(io::stdout().is_terminal() && !config::plain_wanted())
    }

    pub fn stderr() -> Paint {
        Paint(colours_on_stderr())
    }

    #[cfg(test)]
    pub fn plain() -> Paint {
        Paint(false)
    }

    pub fn paint(self, style: Style, text: &str) -> String {
        if !self.0 || text.is_empty() {
            return text.to_string();
        }
        let code = match style {
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Bad => "1;31",
            Style::Warning => "33",
            Style::Name => "36",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Columns as wide as their widest cell. The first is the name, the second has the row's own style.
pub fn table(headings: &[&str], rows: &[(Style, Vec<String>)], paint: Paint) -> String {
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| {
            let lengths = rows.iter().map(|(_, cells)| cells[column].chars().count());
            lengths.chain([heading.len()]).max().unwrap_or_default()
        })
        .collect();
    // Padded before it is painted: a colour has no width.
    let pad = |text: &str, column: usize| format!("{text:<width$}", width = widths[column]);
    let heading: Vec<String> = headings.iter().enumerate().map(|(column, name)| pad(name, column)).collect();
    let mut lines = vec![paint.paint(Style::Faint, heading.join("  ").trim_end())];
    for (style, cells) in rows {
        let painted: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(column, cell)| match column {
                0 => paint.paint(Style::Strong, &pad(cell, column)),
                1 => paint.paint(*style, &pad(cell, column)),
                _ => pad(cell, column),
            })
            .collect();
        lines.push(painted.join("  ").trim_end().to_string());
    }
    lines.join("\n")
}

pub fn colours_on_stderr() -> bool {
    io::stderr().is_terminal() && !config::plain_wanted()
}

/// One or more lines of the result.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// A remark beside the result. A terminal that is gone cannot be told that it is gone.
pub fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether a person sees the result as it comes.
pub fn is_watched() -> bool {
    io::stdout().is_terminal()
}

/// The columns of the terminal that shows stdout; None when it is a file or a pipe.
pub fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(&stdout)
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
}

/// One line on stderr that is written over and over, on a terminal only.
pub struct Progress {
    shown: bool,
}

impl Progress {
    pub fn start() -> Progress {
        Progress { shown: io::stderr().is_terminal() }
    }

    pub fn is_shown(&self) -> bool {
        self.shown
    }

    pub fn update(&self, text: &str) {
        if self.shown {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.update("");
    }
}

/// Text from a log, made harmless: control characters could repaint the terminal.
pub fn harmless(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_string();
    }
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(harmless("a\x1b[31m\nb é"), "a\\u{1b}[31m\\nb é");
    }
}
