//! The names of Node's built-in modules, so that an import of one is not taken for a package.

/// With and without `node:`, in order.
const NAMES: [&str; 53] = [
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "module",
    "net",
    "os",
    "path",
    "path/posix",
    "path/win32",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "readline/promises",
    "repl",
    "stream",
    "stream/consumers",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "sys",
    "timers",
    "timers/promises",
    "tls",
    "tty",
    "url",
    "util",
    "util/types",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

pub(super) fn is_nodes(name: &str) -> bool {
    NAMES.binary_search(&name).is_ok()
}

pub(super) fn names<'a>() -> impl Iterator<Item = &'a str> {
    NAMES.into_iter()
}

#[cfg(test)]
mod tests {
    #[test]
    fn sorted() {
        assert!(super::NAMES.is_sorted());
        assert!(super::is_nodes("fs/promises") && !super::is_nodes("node:fs"));
    }
}
