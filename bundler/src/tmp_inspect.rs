//! temporary
use crate::Diagnostic;
use crate::resolve::{Kind, ResolveProblem};
pub struct Import {
    pub specifier: String,
    pub kind: Kind,
    file: String,
    text: String,
    line: u32,
    column: u32,
}
impl Import {
    pub fn diagnostic(&self, p: ResolveProblem) -> Diagnostic {
        let d = Diagnostic::error(p.code, p.message, &self.file, &self.text, (self.line, self.column));
        Diagnostic { hint: p.hint, ..d }
    }
}
pub struct Found {
    pub imports: Vec<Import>,
}
pub fn inspect(name: &str, text: &str) -> Result<Found, Vec<Diagnostic>> {
    crate::transpile::transpile(name, text, &Default::default())?;
    let mut imports = vec![];
    for (n, l) in text.lines().enumerate() {
        if !(l.contains("import") || l.contains(" from ")) || l.contains("import type") {
            continue;
        }
        for q in ['"', '\''] {
            let parts: Vec<&str> = l.split(q).collect();
            for i in (1..parts.len()).step_by(2) {
                if parts[i - 1].trim_end().ends_with("from")
                    || parts[i - 1].trim_end().ends_with("import")
                    || parts[i - 1].trim_end().ends_with("import(")
                {
                    let col = parts[..i].iter().map(|p| p.len() + 1).sum::<usize>();
                    imports.push(Import {
                        specifier: parts[i].into(),
                        kind: Kind::Import,
                        file: name.into(),
                        text: text.into(),
                        line: n as u32 + 1,
                        column: col as u32,
                    });
                }
            }
        }
    }
    Ok(Found { imports })
}
