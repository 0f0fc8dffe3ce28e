//! What every imported and exported name means: the binding of the module that declares it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use swc_core::atoms::Atom;
use swc_core::common::Span;
use swc_core::ecma::ast::Id;

use super::graph::{Graph, sorted};
use super::module::{Export, Import, To, What};
use crate::Diagnostic;
use crate::transpile::names::nearest;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// Of the module with this number.
    Local(usize, Id),
    /// A property of a data module's value.
    Key(usize, Atom),
    Namespace(usize),
    External(String, What),
}

#[derive(Debug, Default)]
pub struct Bound {
    /// By the name that the importing module gives it.
    pub imports: HashMap<Id, Binding>,
    /// What the entry exports.
    pub entry: BTreeMap<Atom, Binding>,
    /// Modules of the isolate of which the entry exports everything.
    pub entry_stars: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Missing,
    /// Two modules say what it is, differently.
    Ambiguous(usize, usize),
    Circular,
    /// A type, which is gone.
    Type,
}

pub fn bind(graph: &Graph<'_>) -> Result<Bound, Vec<Diagnostic>> {
    let mut bound = Bound::default();
    let mut errors = Vec::new();
    for (index, module) in graph.modules.iter().enumerate() {
        for (local, import) in &module.imports {
            match imported(graph, index, import, &mut Vec::new()) {
                Ok(binding) => {
                    bound.imports.insert(local.clone(), binding);
                }
                // Only an `export {T}` can have kept it.
                Err(Failure::Type) if module.typescript && is_reexported(graph, index, local) => {}
                Err(failure) => errors.push(explain(graph, index, import, &failure)),
            }
        }
        for export in module.exports.values() {
            if let Export::From(import) = export {
                match imported(graph, index, import, &mut Vec::new()) {
                    Ok(_) => {}
                    Err(Failure::Type) if module.typescript => {}
                    Err(failure) => errors.push(explain(graph, index, import, &failure)),
                }
            }
        }
    }
    errors.extend(graph.errors.iter().cloned());
    if !errors.is_empty() {
        return Err(sorted(errors));
    }
    bound.entry = exports(graph, 0);
    bound.entry_stars = external_stars(graph, 0);
    Ok(bound)
}

fn is_reexported(graph: &Graph<'_>, index: usize, local: &Id) -> bool {
    graph.modules[index].exports.values().any(|export| matches!(export, Export::Local(id) if id == local))
}

/// All names of a module's namespace with their bindings; ambiguous ones have none.
pub fn exports(graph: &Graph<'_>, module: usize) -> BTreeMap<Atom, Binding> {
    let mut names = BTreeSet::new();
    collect_names(graph, module, true, &mut names, &mut BTreeSet::new());
    let bindings = names.into_iter().filter_map(|name| {
        let binding = export(graph, module, &name, &mut Vec::new()).ok()?;
        Some((name, binding))
    });
    bindings.collect()
}

fn collect_names(
    graph: &Graph<'_>,
    module: usize,
    with_default: bool,
    names: &mut BTreeSet<Atom>,
    seen: &mut BTreeSet<usize>,
) {
    if !seen.insert(module) {
        return;
    }
    let own = graph.modules[module].exports.keys();
    names.extend(own.filter(|name| with_default || **name != "default").cloned());
    for (request, _) in &graph.modules[module].stars {
        if let Some(To::Module(from)) = graph.modules[module].to.get(request) {
            collect_names(graph, *from, false, names, seen);
        }
    }
}

/// Modules of the isolate that a module exports everything of, directly or through others.
pub fn external_stars(graph: &Graph<'_>, module: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![module];
    let mut seen = BTreeSet::from([module]);
    while let Some(module) = waiting.pop() {
        for (request, _) in &graph.modules[module].stars {
            match graph.modules[module].to.get(request) {
                Some(To::External(name)) => {
                    found.insert(name.clone());
                }
                Some(To::Module(from)) if seen.insert(*from) => waiting.push(*from),
                _ => {}
            }
        }
    }
    found
}

type Path = Vec<(usize, Atom)>;

fn imported(
    graph: &Graph<'_>,
    importer: usize,
    import: &Import,
    path: &mut Path,
) -> Result<Binding, Failure> {
    match (graph.modules[importer].to.get(&import.request), &import.what) {
        (Some(To::External(name)), what) => Ok(Binding::External(name.clone(), what.clone())),
        (Some(To::Module(from)), What::Namespace) => Ok(Binding::Namespace(*from)),
        (Some(To::Module(from)), What::Name(name)) => export(graph, *from, name, path),
        // That it leads nowhere has been said.
        (None, what) => Ok(Binding::External(String::new(), what.clone())),
    }
}

/// What a module's export means, wherever it comes from.
fn export(graph: &Graph<'_>, module: usize, name: &Atom, path: &mut Path) -> Result<Binding, Failure> {
    let step = (module, name.clone());
    if path.contains(&step) {
        return Err(Failure::Circular);
    }
    path.push(step);
    let found = match graph.modules[module].exports.get(name) {
        Some(Export::Local(id)) => match graph.modules[module].imports.get(id) {
            Some(import) => imported(graph, module, import, path),
            None => Ok(Binding::Local(module, id.clone())),
        },
        Some(Export::From(import)) => imported(graph, module, import, path),
        Some(Export::Key) => Ok(Binding::Key(module, name.clone())),
        None if graph.modules[module].types.contains(name) => Err(Failure::Type),
        None if *name == "default" => Err(Failure::Missing),
        None => starred(graph, module, name, path),
    };
    path.pop();
    match found {
        Err(Failure::Missing) if graph.modules[module].has_any_key => Ok(Binding::Key(module, name.clone())),
        found => found,
    }
}

fn starred(graph: &Graph<'_>, module: usize, name: &Atom, path: &mut Path) -> Result<Binding, Failure> {
    let mut found: Option<(usize, Binding)> = None;
    let mut failure = Failure::Missing;
    for (request, _) in &graph.modules[module].stars {
        let Some(To::Module(from)) = graph.modules[module].to.get(request) else { continue };
        match (export(graph, *from, name, path), &found) {
            (Ok(binding), None) => found = Some((*from, binding)),
            (Ok(binding), Some((first, known))) if binding != *known => {
                return Err(Failure::Ambiguous(*first, *from));
            }
            (Err(Failure::Type), _) => failure = Failure::Type,
            (Err(ambiguous @ Failure::Ambiguous(..)), _) => return Err(ambiguous),
            _ => {}
        }
    }
    match found {
        Some((_, binding)) => Ok(binding),
        // One of those may have it: only a run shows.
        None => match external_stars(graph, module).into_iter().next() {
            Some(external) => Ok(Binding::External(external, What::Name(name.clone()))),
            None => Err(failure),
        },
    }
}

fn explain(graph: &Graph<'_>, importer: usize, import: &Import, failure: &Failure) -> Diagnostic {
    let (specifier, name) = (&import.request.0, named(&import.what));
    let span: Span = import.span;
    let (code, message, hint) = match failure {
        Failure::Missing => {
            let message = format!("`{specifier}` has no export `{name}`");
            ("missing-export", message, suggestion(graph, importer, import))
        }
        Failure::Ambiguous(first, second) => {
            let (first, second) = (&graph.modules[*first].name, &graph.modules[*second].name);
            let message = format!("`{specifier}` exports `{name}` from both `{first}` and `{second}`");
            (
                "ambiguous-export",
                message,
                Some("name the one that is meant with `export { … } from`".to_owned()),
            )
        }
        Failure::Circular => {
            let message = format!("`{name}` of `{specifier}` is only ever handed on, in a circle");
            ("circular-export", message, None)
        }
        Failure::Type => {
            let message = format!("`{name}` of `{specifier}` is a type, and a type is no value");
            ("missing-export", message, Some("write `type` in front of it".to_owned()))
        }
    };
    let mut diagnostic = graph.diagnostic(importer, span, code, message);
    diagnostic.hint = hint;
    diagnostic
}

fn named(what: &What) -> &str {
    match what {
        What::Name(name) => name,
        What::Namespace => "*",
    }
}

fn suggestion(graph: &Graph<'_>, importer: usize, import: &Import) -> Option<String> {
    let Some(To::Module(from)) = graph.modules[importer].to.get(&import.request) else { return None };
    let exported = exports(graph, *from);
    let names = || exported.keys().map(|name| &**name);
    if named(&import.what) == "default" {
        let only = names().next();
        return Some(match only {
            Some(name) => format!("it has no default export; write `import {{ {name} }}`"),
            None => "it exports nothing".to_owned(),
        });
    }
    match nearest(named(&import.what), names()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if exported.is_empty() => Some("it exports nothing".to_owned()),
        None => {
            let listed: Vec<String> = names().take(8).map(|name| format!("`{name}`")).collect();
            Some(format!("it exports {}", listed.join(", ")))
        }
    }
}
