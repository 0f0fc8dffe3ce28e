//! What checks may take.
