//! Whether a package's script is ready to do without a module.

use swc_core::common::SourceMap;
use swc_core::common::sync::Lrc;
use swc_core::ecma::ast::*;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::source::{Language, Source};
use super::{compile, literal, nesting, syntax};

/// Whether each `require` of it stands in a `try`.
pub fn is_tried(name: &str, text: &str, specifier: &str) -> bool {
    let Some(language) = Language::of("a.cjs") else { return false };
    let found = compile(name, || {
        nesting::check(&Source::new(name, text), false).map_err(|diagnostic| vec![diagnostic])?;
        let map: Lrc<SourceMap> = Lrc::default();
        let mut requires = Requires { specifier, depth: 0, tried: 0, others: 0 };
        if let Ok(parsed) = syntax::parse(&map, name, text, language) {
            parsed.program.visit_with(&mut requires);
        }
        Ok(requires.tried > 0 && requires.others == 0)
    });
    found.unwrap_or(false)
}

struct Requires<'a> {
    specifier: &'a str,
    /// Of `try` blocks around.
    depth: usize,
    tried: usize,
    others: usize,
}

impl Visit for Requires<'_> {
    noop_visit_type!();

    fn visit_try_stmt(&mut self, statement: &TryStmt) {
        self.depth += usize::from(statement.handler.is_some());
        statement.block.visit_with(self);
        self.depth -= usize::from(statement.handler.is_some());
        statement.handler.visit_with(self);
        statement.finalizer.visit_with(self);
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        call.visit_children_with(self);
        let Callee::Expr(callee) = &call.callee else { return };
        let is_require = callee.as_ident().is_some_and(|name| &*name.sym == "require");
        let asked = call.args.first().and_then(|argument| literal(&argument.expr));
        if is_require && asked.is_some_and(|asked| asked.value == *self.specifier) {
            if self.depth > 0 { self.tried += 1 } else { self.others += 1 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_tried;

    #[test]
    fn requires() {
        for (text, expected) in [
            ("let fs; try { fs = require('fs') } catch {}", true),
            ("function f() { try { return [require('fs')] } catch (e) { return null } }", true),
            ("try { require(`fs`) } catch {} finally {}", true),
            ("const fs = require('fs')", false),
            ("try { require('fs') } catch {} require('fs')", false),
            ("try { x() } catch { require('fs') }", false),
            ("try { require('fs') } finally {}", false),
            ("try { require('path') } catch {}", false),
            ("try { require('fs'", false),
        ] {
            assert_eq!(is_tried("a.js", text, "fs"), expected, "{text}");
        }
    }
}
