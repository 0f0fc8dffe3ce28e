//! The bundler of this process, as its flags say.

use std::path::Path;

use millrace_bundler::BundlerOptions;

use crate::config::{self, Packages};
use crate::isolate::NODE_MODULES;

/// Packages are kept below `fallback` for a user without a home.
pub fn options(packages: &Packages, fallback: &Path) -> BundlerOptions {
    BundlerOptions {
        store: packages.store().unwrap_or_else(|| fallback.join("packages")),
        offline: packages.offline,
        environment: config::environment(),
        folder: config::working_folder(),
        esbuild: packages.esbuild.clone(),
        tsc: packages.tsc.clone(),
        node_modules: NODE_MODULES,
    }
}
