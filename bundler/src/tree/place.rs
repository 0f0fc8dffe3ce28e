//! Which part of the tree a path names; whether something is there is another question.

use std::collections::HashMap;

use super::Installed;

#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'t, 'a> {
    /// `/`
    Root,
    /// `/p`, and the path inside of it.
    Author(&'a str),
    /// `/s`
    Store,
    /// `/s/<id>`
    Shelf,
    /// `/s/<id>/node_modules`, and the path inside of it, which is none of the package's own.
    Modules(&'t Installed, &'a str),
    /// `/s/<id>/node_modules/<name>`, and the path inside of it.
    Package(&'t Installed, &'a str),
}

/// Of a normalized path.
pub(super) fn locate<'t, 'a>(
    packages: &'t HashMap<String, Installed>,
    path: &'a str,
) -> Option<Place<'t, 'a>> {
    if path == "/" {
        return Some(Place::Root);
    }
    if let Some(inside) = inside(path, super::AUTHOR) {
        return Some(Place::Author(inside));
    }
    let shelf = inside(path, super::STORE)?;
    if shelf.is_empty() {
        return Some(Place::Store);
    }
    let (segment, rest) = shelf.split_once('/').unwrap_or((shelf, ""));
    let package = packages.get(segment)?;
    if rest.is_empty() {
        return Some(Place::Shelf);
    }
    let modules = inside(rest, "node_modules")?;
    Some(match inside(modules, &package.name) {
        Some(inside) => Place::Package(package, inside),
        None => Place::Modules(package, modules),
    })
}

fn inside<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    match path.strip_prefix(folder)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}
