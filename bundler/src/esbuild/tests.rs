//! With the real program.

mod failing;
mod kept;
mod linking;
mod sealed;

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Binary, BoxFuture, BuildFailure, BuildOutput, BuildRequest, Esbuild, EsbuildOptions, Loaded, Plugin,
};
use crate::package::Packages;
use crate::resolve::{Builtin, Kind, Provided, ResolveProblem, Resolved, Resolver};
use crate::testing;
use crate::tree::Tree;

fn esbuild() -> Esbuild {
    Esbuild::new(options())
}

fn options() -> EsbuildOptions {
    EsbuildOptions::new(Binary::From(Arc::new(|| Box::pin(async { Ok(testing::esbuild().await) }))))
}

/// Resolves and loads from a tree, and does nothing else.
struct FromTree(Resolver);

impl Plugin for FromTree {
    fn resolve<'a>(
        &'a self,
        importer: &'a str,
        specifier: &'a str,
        kind: Kind,
    ) -> BoxFuture<'a, Result<Resolved, ResolveProblem>> {
        Box::pin(async move { self.0.resolve(importer, specifier, kind) })
    }

    fn load<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Loaded, String>> {
        Box::pin(async move {
            let contents =
                self.0.tree().read(path).map_err(|error| format!("{path} cannot be read: {error}"))?;
            Ok(Loaded { contents, loader: None, inline_map: None })
        })
    }

    fn shown(&self, path: &str) -> String {
        self.0.tree().shown(path)
    }
}

fn plugin(files: &[(&str, &str)], packages: &Packages) -> Arc<FromTree> {
    let files = files.iter().map(|(path, text)| (path.to_string(), Bytes::from(text.to_string())));
    let provided = Provided {
        modules: [("millrace".to_owned(), "millrace".to_owned())].into(),
        builtins: [("buffer".to_owned(), Builtin::External("node:buffer".into()))].into(),
    };
    Arc::new(FromTree(Resolver::new(Arc::new(Tree::new(files, packages)), Arc::new(provided))))
}

fn request(files: &[(&str, &str)], packages: &Packages) -> BuildRequest {
    BuildRequest::new("/p/main.ts", plugin(files, packages))
}

async fn build(files: &[(&str, &str)], packages: &Packages) -> Result<BuildOutput, BuildFailure> {
    esbuild().build(request(files, packages)).await
}

/// `file:line:column-end code text [hint]`, one for each message.
fn lines(failure: BuildFailure) -> Vec<String> {
    let BuildFailure::Messages(messages) = failure else { panic!("{failure:?}") };
    let mut lines: Vec<String> = messages.iter().map(line).collect();
    lines.sort();
    lines
}

fn line(message: &super::Message) -> String {
    let place = message
        .location
        .as_ref()
        .map_or_else(String::new, |at| format!("{}:{}:{}-{} ", at.file, at.line, at.column, at.end_column));
    let code = message.problem.as_ref().map_or("", |problem| problem.code);
    format!("{place}{code} {}", message.text)
}
