//! What a `tsconfig.json` decides about the script that comes out.

/// How JSX becomes calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Jsx {
    /// `factory(type, props, ...children)`; what those names refer to is the author's to import.
    Classic { factory: String, fragment: String },
    /// `jsx` and `Fragment` are imported from `<source>/jsx-runtime` as needed.
    Automatic { source: String, development: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decorators {
    /// ECMAScript's, as of November 2023.
    Standard,
    /// TypeScript's own of old, with `design:*` metadata or without.
    Experimental { metadata: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub jsx: Jsx,
    pub decorators: Decorators,
    /// Imports stay as written unless they say `type`.
    pub verbatim_module_syntax: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            jsx: Jsx::Classic {
                factory: "React.createElement".to_owned(),
                fragment: "React.Fragment".to_owned(),
            },
            decorators: Decorators::Standard,
            verbatim_module_syntax: false,
        }
    }
}
