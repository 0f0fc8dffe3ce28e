//! A thread with a deep stack for the compiler, whose functions call themselves once per level of nesting;
//! what panics in there becomes a diagnostic.

use std::any::Any;
use std::thread;

use crate::limits::COMPILER_STACK_BYTES;
use crate::{Diagnostic, Severity};

/// Runs `work` on a stack of its own and waits for it. `about` names the file in the message of a panic.
pub fn on_deep_stack<T: Send>(about: &str, work: impl FnOnce() -> T + Send) -> Result<T, Diagnostic> {
    let outcome = thread::scope(|scope| {
        let compiler = thread::Builder::new().name("compiler".to_owned()).stack_size(COMPILER_STACK_BYTES);
        compiler.spawn_scoped(scope, work).map(thread::ScopedJoinHandle::join)
    });
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(panic)) => Err(gave_up(about, &said(panic.as_ref()))),
        Err(error) => Err(gave_up(about, &format!("no thread for it: {error}"))),
    }
}

fn gave_up(about: &str, reason: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code: "compiler-failure".to_owned(),
        message: format!("the compiler gave up on `{about}`: {reason}"),
        file: about.to_owned(),
        line: 1,
        column: 1,
        end_line: None,
        end_column: None,
        snippet: String::new(),
        hint: Some(
            "this is a defect of the compiler, not of the file: write the newest change differently"
                .to_owned(),
        ),
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it did not say why").lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::on_deep_stack;

    #[test]
    fn a_panic_is_a_diagnostic() {
        assert_eq!(on_deep_stack("a.ts", || 1), Ok(1));
        let diagnostic = on_deep_stack::<()>("a.ts", || panic!("odd\ntree")).unwrap_err();
        assert_eq!(diagnostic.message, "the compiler gave up on `a.ts`: odd");
    }
}
