//! The bundler of this process, as its flags say.

use std::path::Path;

use millrace_bundler::BundlerOptions;

use super::failure::Failure;
use crate::config::{self, Packages};
use crate::isolate::NODE_MODULES;

/// Packages are kept below `fallback` for a user without a home.
pub fn options(packages: &Packages, fallback: Option<&Path>) -> Result<BundlerOptions, Failure> {
    let store = packages.store().or_else(|| Some(fallback?.join("packages"))).ok_or_else(|| {
        Failure::usage("there is no home folder to keep packages in: say where with --packages DIR")
    })?;
    Ok(BundlerOptions {
        store,
        offline: packages.offline,
        environment: config::environment(),
        folder: config::working_folder(),
        esbuild: packages.esbuild.clone(),
        tsc: packages.tsc.clone(),
        node_modules: NODE_MODULES,
    })
}
