//! What may go wrong around a processor that evaluates expressions, and is no fault of these: it is tried again.

use crate::jsonata::EvaluatorError;
use crate::log::LogError;
use crate::stream::AppendError;

#[derive(Debug, thiserror::Error)]
pub enum Machinery {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Evaluator(#[from] EvaluatorError),
}
