//! Regular expressions that are none, and decorators where none can stand: the engine would tell of the first only when
//! the module is loaded, and the second would be dropped without a word.

use swc_core::ecma::ast::{Param, Program, Regex};
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};
use swc_ecma_regexp::{LiteralParser, Options};

use super::Findings;
use crate::transpile::options::Decorators;

pub(super) fn check(program: &Program, decorators: Decorators, findings: &mut Findings<'_>) {
    program.visit_with(&mut Patterns { decorators, findings });
}

struct Patterns<'a, 'b> {
    decorators: Decorators,
    findings: &'a mut Findings<'b>,
}

impl Visit for Patterns<'_, '_> {
    noop_visit_type!();

    fn visit_regex(&mut self, regex: &Regex) {
        let parsed = LiteralParser::new(&regex.exp, Some(&regex.flags), Options::default()).parse();
        let Err(problem) = parsed else { return };
        let problem = problem.to_string();
        let why = problem.strip_prefix("Invalid regular expression: ").unwrap_or(&problem);
        // The engine's table of Unicode properties may be a newer one.
        if !why.to_ascii_lowercase().contains("property") {
            let message = format!("`/{}/{}` is no regular expression: {why}", regex.exp, regex.flags);
            self.findings.add(regex.span, "invalid-regular-expression", message, None);
        }
    }

    fn visit_param(&mut self, param: &Param) {
        if let (Decorators::Standard, Some(decorator)) = (self.decorators, param.decorators.first()) {
            let message =
                "a parameter cannot be decorated: standard decorators are for classes and their members";
            let hint =
                "set `experimentalDecorators` in tsconfig.json for TypeScript's older decorators, which can";
            self.findings.add(decorator.span, "decorated-parameter", message.into(), Some(hint.into()));
        }
        param.visit_children_with(self);
    }
}
