//! Archives that mean harm, and such that are only odd.
