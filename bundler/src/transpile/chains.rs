//! Long chains of operators, as in `"a" + "b" + …`: swc computes the values of constants and of the members of enums in
//! time and memory that grow with the square of their length, and without a bound.

use swc_core::common::{DUMMY_SP, Spanned};
use swc_core::ecma::ast::*;
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith};

use super::source::Source;
use super::syntax::bytes;
use crate::Diagnostic;
use crate::limits::FOLDED_OPERATORS_MAX;

/// Constants whose value is a long chain get a type, which says that their value is not to be computed; the type goes
/// with the others.
pub fn leave_alone(program: &mut Program) {
    program.visit_mut_with(&mut LeaveAlone);
}

struct LeaveAlone;

impl VisitMut for LeaveAlone {
    fn visit_mut_var_declarator(&mut self, declarator: &mut VarDeclarator) {
        declarator.visit_mut_children_with(self);
        let is_long = declarator.init.as_ref().is_some_and(|value| is_long(value));
        if let Pat::Ident(BindingIdent { type_ann: type_ann @ None, .. }) = &mut declarator.name
            && is_long
        {
            let any = TsKeywordType { span: DUMMY_SP, kind: TsKeywordTypeKind::TsAnyKeyword };
            *type_ann =
                Some(Box::new(TsTypeAnn { span: DUMMY_SP, type_ann: Box::new(TsType::TsKeywordType(any)) }));
        }
    }
}

/// The members of enums must be computed, so their chains are bounded.
pub fn check(program: &Program, source: &Source<'_>, start: swc_core::common::BytePos) -> Vec<Diagnostic> {
    let mut members = Members::default();
    program.visit_with(&mut members);
    let told = members.long.iter().map(|span| {
        let (from, to) = bytes(*span, start);
        let message = format!("the value of an enum's member has more than {FOLDED_OPERATORS_MAX} operators");
        let diagnostic = source.diagnostic(from, to, "nested-too-deeply", message);
        diagnostic.with_hint("compute it in a constant of its own")
    });
    told.collect()
}

#[derive(Default)]
struct Members {
    long: Vec<swc_core::common::Span>,
}

impl Visit for Members {
    fn visit_ts_enum_member(&mut self, member: &TsEnumMember) {
        if let Some(value) = member.init.as_ref().filter(|value| is_long(value)) {
            self.long.push(value.span());
        }
    }
}

/// Operators are read from the left, so a chain is deep on its left.
fn is_long(value: &Expr) -> bool {
    let mut here = value;
    for _ in 0..FOLDED_OPERATORS_MAX {
        here = match here {
            Expr::Bin(operator) => &operator.left,
            Expr::Paren(inner) => &inner.expr,
            Expr::TsAs(inner) => &inner.expr,
            _ => return false,
        };
    }
    true
}
