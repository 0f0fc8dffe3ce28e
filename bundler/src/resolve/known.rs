//! Where the imports of packages led in earlier builds. The same packages at the same places answer the same, whatever
//! the author has beside them; what is missing is looked for each time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Kind, Resolved};
use crate::limits::TREES_KNOWN_MAX;
use crate::tree::STORE;

/// For each set of packages, by its key; the one that was used last stands last.
#[derive(Default)]
pub struct Known(Mutex<VecDeque<(String, Arc<Answers>)>>);

/// Of one set of packages, by the importing file.
#[derive(Default)]
pub struct Answers(Mutex<HashMap<String, Vec<Answer>>>);

struct Answer {
    specifier: String,
    kind: Kind,
    resolved: Resolved,
}

impl Known {
    pub fn of(&self, packages_key: &str) -> Arc<Answers> {
        let mut trees = lock(&self.0);
        let found = trees.iter().position(|(key, _)| key == packages_key).and_then(|at| trees.remove(at));
        let (key, answers) = found.unwrap_or_else(|| (packages_key.to_owned(), Arc::default()));
        trees.push_back((key, answers.clone()));
        if trees.len() > TREES_KNOWN_MAX {
            trees.pop_front();
        }
        answers
    }
}

impl Answers {
    pub(super) fn find(&self, importer: &str, specifier: &str, kind: Kind) -> Option<Resolved> {
        let answers = lock(&self.0);
        let mut found = answers.get(importer)?.iter();
        found.find(|it| it.kind == kind && it.specifier == specifier).map(|it| it.resolved.clone())
    }

    pub(super) fn keep(&self, importer: &str, specifier: &str, kind: Kind, resolved: &Resolved) {
        let is_lasting = match resolved {
            Resolved::File { path, .. } => is_packages(path),
            Resolved::External { .. } | Resolved::Empty => true,
            // Whether a package is ready to do without it shows in the package's own text.
            Resolved::Lacking(_) => true,
            Resolved::Absent(problem) => problem.code == super::problem::UNAVAILABLE_BUILTIN,
        };
        if is_lasting && is_packages(importer) {
            let answer = Answer { specifier: specifier.to_owned(), kind, resolved: resolved.clone() };
            lock(&self.0).entry(importer.to_owned()).or_default().push(answer);
        }
    }
}

fn is_packages(path: &str) -> bool {
    path.strip_prefix(STORE).is_some_and(|rest| rest.starts_with('/'))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Kind, Known, Resolved};
    use crate::limits::TREES_KNOWN_MAX;

    fn file(path: &str) -> Resolved {
        Resolved::File { path: path.to_owned(), side_effects: None, is_module: false }
    }

    #[test]
    fn what_is_kept() {
        let known = Known::default();
        let cases = [
            ("/s/a@1/node_modules/a/i.js", "./b", Kind::Import, file("/s/a@1/node_modules/a/b.js"), true),
            ("/s/a@1/node_modules/a/i.js", "./b", Kind::Require, file("/s/a@1/node_modules/a/b.cjs"), true),
            ("/s/a@1/node_modules/a/i.js", "fs", Kind::Import, Resolved::Empty, true),
            ("/s/a@1/node_modules/a/i.js", "../../../../p/x", Kind::Import, file("/p/x.js"), false),
            ("/p/main.ts", "a", Kind::Import, file("/s/a@1/node_modules/a/i.js"), false),
        ];
        for (importer, specifier, kind, resolved, is_kept) in &cases {
            known.of("one").keep(importer, specifier, *kind, resolved);
            let found = known.of("one").find(importer, specifier, *kind);
            assert_eq!(found.as_ref(), is_kept.then_some(resolved), "{importer} {specifier}");
        }
        let (importer, specifier, kind, ..) = cases[0];
        assert_eq!(known.of("two").find(importer, specifier, kind), None);
        (0..TREES_KNOWN_MAX).for_each(|number| drop(known.of(&number.to_string())));
        assert_eq!(known.of("one").find(importer, specifier, kind), None);
    }
}
