//! The flags of whatever builds processors: where packages are kept, and the programs that a build needs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

/// Where packages are kept, and the programs that a build needs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Packages")]
pub struct Packages {
    /// The folder of downloaded packages, which all processors share [default: the user's cache folder]
    #[arg(long = "packages", env = "MILLRACE_PACKAGES", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Use only what is in that folder already, and ask no registry
    #[arg(long, env = "MILLRACE_OFFLINE", value_parser = clap::builder::BoolishValueParser::new())]
    pub offline: bool,
    /// An esbuild binary to link with [default: fetched from the registry on first need]
    #[arg(long, env = "MILLRACE_ESBUILD", value_name = "FILE")]
    pub esbuild: Option<PathBuf>,
    /// A native TypeScript compiler to check types with [default: fetched likewise]
    #[arg(long, env = "MILLRACE_TSC", value_name = "FILE")]
    pub tsc: Option<PathBuf>,
}

impl Packages {
    /// None when there is no place that is the user's own.
    pub fn store(&self) -> Option<PathBuf> {
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = || absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        self.folder.clone().or_else(|| Some(cache()?.join("millrace").join("packages")))
    }
}

/// This process's environment, of which the package manager's settings are read.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Where the command was given; a project's `.npmrc` lies there.
pub fn working_folder() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}
