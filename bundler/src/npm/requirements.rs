//! What a `package.json` asks for, as far as a bundle needs it.

use std::collections::BTreeMap;

use deno_npm::resolution::NpmOverrides;
use deno_semver::StackString;
use deno_semver::package::PackageReq;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::{InstallProblem, ProblemCode};
use super::spec;
use crate::limits::DEPENDENCIES_MAX;

/// Names as they are imported, and ranges as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirements {
    pub(super) dependencies: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) optional_dependencies: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub(super) overrides: Value,
}

impl Requirements {
    /// Dependencies, optional ones and peers, and of the development dependencies the types: the type checker
    /// wants them. Reports all problems at once.
    pub fn of(package_json: &Value) -> Result<Requirements, Vec<InstallProblem>> {
        Requirements::beside(package_json, &[])
    }

    /// The same without the packages that the server itself provides, whatever is asked of them.
    pub fn beside(package_json: &Value, provided: &[&str]) -> Result<Requirements, Vec<InstallProblem>> {
        let mut problems = Vec::new();
        let mut section = |name: &str, wanted: &dyn Fn(&str) -> bool| {
            let wanted = |key: &str| !provided.contains(&key) && wanted(key);
            section(package_json, name, &wanted, &mut problems)
        };
        let optional_dependencies = section("optionalDependencies", &|_| true);
        let optional_peers = optional_peers(package_json);
        // Later ones win: a dependency proper says more than a peer or a type.
        let mut dependencies = section("devDependencies", &|name| name.starts_with("@types/"));
        dependencies.extend(section("peerDependencies", &|name| !optional_peers.contains(&name)));
        dependencies.extend(section("dependencies", &|_| true));
        dependencies.retain(|name, _| !optional_dependencies.contains_key(name));

        let overrides = package_json.get("overrides").cloned().unwrap_or(Value::Null);
        let requirements = Requirements { dependencies, optional_dependencies, overrides };
        problems.extend(requirements.overrides().err());
        let count = requirements.dependencies.len() + requirements.optional_dependencies.len();
        if count > DEPENDENCIES_MAX {
            let message = format!("package.json lists {count} dependencies, more than {DEPENDENCIES_MAX}");
            problems.push(InstallProblem::new(ProblemCode::InvalidDependencies, message));
        }
        if problems.is_empty() { Ok(requirements) } else { Err(problems) }
    }

    pub fn is_empty(&self) -> bool {
        self.dependencies.is_empty() && self.optional_dependencies.is_empty()
    }

    /// The names under which packages are imported, optional ones included.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.dependencies.keys().chain(self.optional_dependencies.keys()).map(String::as_str)
    }

    /// Fails only for requirements that `of` did not make.
    pub(super) fn roots(&self) -> Result<Vec<Root>, InstallProblem> {
        let of = |optional: bool| {
            move |(name, value): (&String, &String)| {
                Ok(Root { name: name.clone(), request: spec::parse(name, value)?, optional })
            }
        };
        self.dependencies
            .iter()
            .map(of(false))
            .chain(self.optional_dependencies.iter().map(of(true)))
            .collect()
    }

    pub(super) fn overrides(&self) -> Result<NpmOverrides, InstallProblem> {
        let all = self.dependencies.iter().chain(&self.optional_dependencies);
        let roots = all.map(|(name, value)| (StackString::from_str(name), StackString::from_str(value)));
        NpmOverrides::from_value(self.overrides.clone(), &roots.collect(), &Default::default()).map_err(|error| {
            let message = format!("the overrides of package.json cannot be read: {error}");
            InstallProblem::new(ProblemCode::InvalidOverrides, message)
                .hint("each entry is a package's name and a version of the registry, or an object of such entries")
        })
    }
}

/// One dependency of the author's own.
pub(super) struct Root {
    pub name: String,
    pub request: PackageReq,
    pub optional: bool,
}

fn section(
    package_json: &Value,
    name: &str,
    wanted: &dyn Fn(&str) -> bool,
    problems: &mut Vec<InstallProblem>,
) -> BTreeMap<String, String> {
    let entries = match package_json.get(name) {
        None | Some(Value::Null) => return BTreeMap::new(),
        Some(Value::Object(entries)) => entries,
        Some(_) => {
            let message = format!("`{name}` of package.json is not an object of names and versions");
            problems.push(InstallProblem::new(ProblemCode::InvalidDependencies, message));
            return BTreeMap::new();
        }
    };
    let mut found = BTreeMap::new();
    for (key, value) in entries.iter().filter(|(key, _)| wanted(key)) {
        match value.as_str().map(|value| spec::parse(key, value).map(|_| value)) {
            Some(Ok(value)) => drop(found.insert(key.clone(), value.trim().to_owned())),
            Some(Err(problem)) => problems.push(problem),
            None => {
                let message = format!("the version of `{key}` in `{name}` of package.json is not a string");
                problems.push(InstallProblem::new(ProblemCode::InvalidDependencies, message).about(key));
            }
        }
    }
    found
}

fn optional_peers(package_json: &Value) -> Vec<&str> {
    let meta = package_json.get("peerDependenciesMeta").and_then(Value::as_object);
    let optional = |entry: &Value| entry.get("optional").and_then(Value::as_bool) == Some(true);
    meta.into_iter().flatten().filter(|(_, entry)| optional(entry)).map(|(name, _)| name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Requirements;

    #[test]
    fn sections() {
        let package_json = json!({
            "dependencies": {"a": "^1", "b": "1", "millrace": "workspace:*"},
            "optionalDependencies": {"b": "2"},
            "peerDependencies": {"a": "^2", "c": "*", "d": "*"},
            "peerDependenciesMeta": {"d": {"optional": true}},
            "devDependencies": {"@types/e": "latest", "vitest": "file:../x"},
            "overrides": {"f": "$a"},
        });
        let requirements = Requirements::beside(&package_json, &["millrace"]).unwrap();
        let expected = json!({
            "dependencies": {"@types/e": "latest", "a": "^1", "c": "*"},
            "optionalDependencies": {"b": "2"},
            "overrides": {"f": "$a"},
        });
        assert_eq!(serde_json::to_value(&requirements).unwrap(), expected);
    }

    #[test]
    fn all_problems_at_once() {
        let package_json = json!({
            "dependencies": {"a": "file:../a", "b": 1, "../c": "1"},
            "optionalDependencies": [],
            "overrides": {"d": "$nothing"},
        });
        let codes: Vec<&str> = Requirements::of(&package_json)
            .unwrap_err()
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        let expected = [
            "invalid-dependencies",
            "unsupported-dependency",
            "invalid-dependencies",
            "invalid-package-name",
            "invalid-overrides",
        ];
        assert_eq!(codes, expected);
    }
}
