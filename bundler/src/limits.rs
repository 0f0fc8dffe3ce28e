//! Every bound of a build, in one place, each with its reason.

use std::time::Duration;

/// Files of one source.
pub const FILES_MAX: usize = 1_000;
/// One file of an author: no person writes more, and a parser's tree takes fifty times the memory.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// All files of one source together.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Diagnostics of one failure; the rest is counted.
pub const DIAGNOSTICS_MAX: usize = 100;

/// Direct dependencies of one source: no person lists more, and each is asked for by itself.
pub const DEPENDENCIES_MAX: usize = 300;
/// Packages of one resolution: the largest front-end projects have about two thousand.
pub const PACKAGES_MAX: usize = 4_000;
/// The registry's own bound on names.
pub const PACKAGE_NAME_BYTES_MAX: usize = 214;
/// A range is some comparators; longer ones are attempts at something else.
pub const RANGE_BYTES_MAX: usize = 1_024;
/// One package's metadata, unpacked. Of the long ones, `next` has 21 MB with everything that npm knows of it.
pub const METADATA_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long metadata, and what was resolved from it, counts as new: the public registry's edge answers with
/// this `max-age`, so asking more often would hear the same.
pub const METADATA_FRESH: Duration = Duration::from_secs(300);
/// A tarball as it comes. Larger ones carry programs, which no isolate could run; compilers have 10 MB.
pub const TARBALL_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A package unpacked: four times as much, as text does. Against archives that unfold to fill the disk.
pub const PACKAGE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Files of a package: icon collections have some ten thousands.
pub const PACKAGE_FILES_MAX: usize = 100_000;
/// A path inside a package. File systems end at 4096 with the store's own part.
pub const PACKAGE_PATH_BYTES_MAX: usize = 1_024;
/// An entry of a tarball that tells the path of the next one, with other attributes beside it.
pub const PACKAGE_NAME_ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Requests to registries under way at once, for the whole process: enough to hide the round trips, and few
/// enough that no registry takes it for an attack.
pub const REGISTRY_REQUESTS_MAX: usize = 32;
/// How often one request is tried in all: a registry that fails three times in a row is down.
pub const REGISTRY_TRIES_MAX: u64 = 3;
/// Between two tries, doubled each time.
pub const REGISTRY_RETRY_AFTER: Duration = Duration::from_millis(300);
/// The longest pause that a registry may ask for with `Retry-After`.
pub const REGISTRY_RETRY_AFTER_MAX: Duration = Duration::from_secs(5);
/// Until a connection stands: longer means that nobody is there.
pub const REGISTRY_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte for so long, an answer counts as lost.
pub const REGISTRY_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Redirections of one request: registries use one, to their storage.
pub const REGISTRY_REDIRECTS_MAX: usize = 5;
/// An installation as a whole, so that no author waits for ever; the largest take some ten seconds.
pub const INSTALL_TIME_MAX: Duration = Duration::from_secs(300);
/// Resolutions under way at once: each is a thread that computes.
pub const RESOLUTIONS_MAX: usize = 4;
/// The resolver goes down the tree by recursion: enough for a chain of `PACKAGES_MAX`, and only touched as
/// far as it is used.
pub const RESOLVER_STACK_BYTES: usize = 128 * 1024 * 1024;
/// How often a resolution begins again without optional dependencies that cannot be had.
pub const RESOLUTION_ROUNDS_MAX: usize = 20;
/// Resolutions kept in memory, each some 50 kB for a hundred packages; beyond, all are dropped and read from
/// disk again.
pub const RESOLUTIONS_KEPT_MAX: usize = 200;
/// Lists of packages' files kept in memory, each some 10 kB; beyond, all are dropped and read again.
pub const PACKAGES_KEPT_MAX: usize = 5_000;
/// An index lists `PACKAGE_FILES_MAX` files; what is longer was not written by us.
pub const INDEX_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Versions shown to an author whose range nothing satisfies.
pub const VERSIONS_SHOWN: usize = 5;
