//! The programs that a build runs: pinned by version and hash, fetched like any package, or named by the operator.

use std::path::PathBuf;
use std::sync::Arc;

use crate::npm::{InstallError, Npm};
use crate::progress::OnStep;

/// A program inside a package that is made for one platform.
pub struct Tool {
    name: &'static str,
    version: &'static str,
    /// `OS-ARCH` as the packages spell it, and the SHA-512 of its package: a registry cannot swap a binary.
    platforms: &'static [(&'static str, &'static str)],
    /// The package's name without the platform.
    package: &'static str,
    binary: &'static str,
    /// The variable that names another one.
    variable: &'static str,
}

/// Its protocol is its own and changes with its version, so this is the one version that fits.
pub const ESBUILD: Tool = Tool {
    name: "esbuild",
    version: "0.28.2",
    platforms: &[
        (
            "linux-x64",
            "sha512-4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==",
        ),
        (
            "linux-arm64",
            "sha512-pW4AC0P3it8c7do9MVM4p51FzHzdM/TZrerurgRcHJ2WTa1VQ1CIq18xncfpBJw4ojkiZZrKW2yIBWBP92j6Ug==",
        ),
        (
            "darwin-arm64",
            "sha512-n4KqkOQrraxHJcgjM1RvwbigfQKIKJVpM7xp+KsxiyUSrRdIXnt73VhrPAx0fV44hgfmIVKjxMN9J1t5jySVkw==",
        ),
        (
            "darwin-x64",
            "sha512-uq6suIWYP37qzGddBKPw5QEQPi6HiLGsO7UmkpfyaYNQ3D+rN6w6WfwH+nuqcGXWvawGwxOEroO4YGnFh95azw==",
        ),
    ],
    package: "@esbuild/",
    binary: "bin/esbuild",
    variable: "MILLRACE_ESBUILD",
};

/// The native compiler; what it is asked is not a stable interface, so this version and no other.
pub const TYPESCRIPT: Tool = Tool {
    name: "the TypeScript compiler",
    version: "7.0.2",
    platforms: &[
        (
            "linux-x64",
            "sha512-EYdf2cNg7rgCWJnxCdJ+F3V39O8ihb37eHAu1LK8oAFizgTQbPOK7zHHXbPt8rX24COqODXeI3sIf0fCXG7H/A==",
        ),
        (
            "linux-arm64",
            "sha512-Qh4eU4/y3yDjnfjjyPYihMj5/ODIlmt+Bzu17OI+fiSRDW57QmU5SiN63exPRNJPKUzcc1INa1NXdrJ+MqHjUQ==",
        ),
        (
            "darwin-arm64",
            "sha512-gowzar9MwS/aRWp6f3a4KUqzRjAZjOsmGNCM6LcTgXum+dBfgsBVMN+AgvOCCbguXyick6LJhpBszxMebJ8syA==",
        ),
        (
            "darwin-x64",
            "sha512-SZ9xZInqApNlNGc9s0W1VSsktYSOe9cFqNOIqmN1Gs8SmkjKZYFt017G4VwPxASInODuAdbTW7sXiFUf893RgA==",
        ),
    ],
    package: "@typescript/typescript-",
    binary: "lib/tsc",
    variable: "MILLRACE_TSC",
};

impl Tool {
    /// Where the program lies: the operator's own, or out of the store, fetched on first need.
    pub async fn find(
        &self,
        own: Option<&PathBuf>,
        npm: &Npm,
        on_step: OnStep<'_>,
    ) -> Result<PathBuf, String> {
        if let Some(own) = own {
            return Ok(own.clone());
        }
        let platform = platform();
        let Some((_, integrity)) = self.platforms.iter().find(|(name, _)| *name == platform) else {
            return Err(format!(
                "there is no {} {} for {platform}: name a binary of that version with {}",
                self.name, self.version, self.variable
            ));
        };
        let package = format!("{}{platform}", self.package);
        let files = npm.pinned(&package, self.version, integrity, on_step).await.map_err(|error| {
            format!(
                "{} {} cannot be fetched: {}; or name a binary of that version with {}",
                self.name,
                self.version,
                told(error),
                self.variable
            )
        })?;
        Ok(Arc::as_ref(&files).folder().map(|folder| folder.join(self.binary)).unwrap_or_default())
    }
}

fn told(error: InstallError) -> String {
    match error {
        InstallError::Problems(problems) => {
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")
        }
        InstallError::Machinery(message) => message,
    }
}

fn platform() -> String {
    let system = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{machine}")
}
