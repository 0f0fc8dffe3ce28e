//! The rules by which an import is looked up, for the author's code and for that of packages.

use oxc_resolver::{ResolveOptions, TsconfigDiscovery};

use super::Kind;

/// TypeScript first, and `tsconfig.json` counts.
pub(super) fn author(kind: Kind) -> ResolveOptions {
    ResolveOptions {
        extensions: strings(&[".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"]),
        tsconfig: Some(TsconfigDiscovery::Auto),
        ..common(kind)
    }
}

/// A package that ships its TypeScript beside its JavaScript means the JavaScript.
pub(super) fn package(kind: Kind) -> ResolveOptions {
    ResolveOptions {
        extensions: strings(&[".js", ".mjs", ".cjs", ".json", ".jsx", ".ts", ".mts", ".cts", ".tsx"]),
        ..common(kind)
    }
}

/// The same over the machine's own files, for what has not been handed in yet. A file that only types use counts.
pub(crate) fn author_on_disk(with_tsconfig: bool) -> ResolveOptions {
    let mut options = author(Kind::Import);
    options.extensions.extend(strings(&[".d.ts", ".d.mts", ".d.cts"]));
    options.tsconfig = options.tsconfig.filter(|_| with_tsconfig);
    options.cwd = None;
    options
}

fn common(kind: Kind) -> ResolveOptions {
    // Code that requires a package expects what `main` gives, not a namespace with a `default`.
    let (conditions, main_fields) = match kind {
        Kind::Require => {
            (["require", "module", "worker", "browser", "default"], ["browser", "main", "module"])
        }
        Kind::Import | Kind::DynamicImport => {
            (["import", "module", "worker", "browser", "default"], ["browser", "module", "main"])
        }
    };
    ResolveOptions {
        // What the author wrote comes first, also when it exists beside a file that it could stand for.
        extension_alias: [
            (".js", &[".js", ".ts", ".tsx", ".jsx"][..]),
            (".jsx", &[".jsx", ".tsx"]),
            (".mjs", &[".mjs", ".mts"]),
            (".cjs", &[".cjs", ".cts"]),
        ]
        .map(|(written, tried)| (written.to_owned(), strings(tried)))
        .to_vec(),
        condition_names: strings(&conditions),
        main_fields: strings(&main_fields),
        alias_fields: vec![strings(&["browser"])],
        // A package of that name comes first, so built-in modules are looked at afterwards.
        builtin_modules: false,
        module_type: true,
        // The host's own environment is nobody's business.
        node_path: false,
        cwd: Some(crate::tree::AUTHOR.into()),
        ..ResolveOptions::default()
    }
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}
