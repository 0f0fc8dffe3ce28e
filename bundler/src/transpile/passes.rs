//! From an author's tree to one that the engine runs: types go, decorators, JSX, enums and namespaces become code.

use swc_core::common::comments::SingleThreadedComments;
use swc_core::common::sync::Lrc;
use swc_core::common::{Mark, SourceMap};
use swc_core::ecma::ast::{AutoAccessor, Decorator, Pass, Program};
use swc_core::ecma::transforms::base::resolver;
use swc_core::ecma::transforms::proposal::decorator_2023_11::decorator_2023_11;
use swc_core::ecma::transforms::proposal::decorators::{self, decorators};
use swc_core::ecma::transforms::react::{self, Runtime, react};
use swc_core::ecma::transforms::typescript::{Config, TsxConfig, tsx, typescript};
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::options::{Decorators, Jsx, Options};
use super::source::Language;

/// Whom the identifiers of one file belong to.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// Names that no scope of the file declares.
    pub unresolved: Mark,
    /// Names declared at the file's top level.
    pub top_level: Mark,
}

/// Each identifier learns which declaration it means.
pub fn resolve(program: &mut Program, marks: Marks, language: Language) {
    program.mutate(resolver(marks.unresolved, marks.top_level, language.typescript));
}

/// Needs what `resolve` found out.
pub fn lower(
    program: &mut Program,
    map: &Lrc<SourceMap>,
    comments: &SingleThreadedComments,
    marks: Marks,
    language: Language,
    options: &Options,
) {
    // Before the types go: metadata is made of them.
    if is_decorated(program) {
        lower_decorators(program, options.decorators);
    }
    if language.typescript {
        strip(program, map, comments, marks, language, options);
    }
    if language.jsx {
        let jsx = react_options(&options.jsx);
        program.mutate(react(map.clone(), Some(comments.clone()), jsx, marks.top_level, marks.unresolved));
    }
}

/// Whether there is anything for that pass, which takes its time with classes in classes.
fn is_decorated(program: &Program) -> bool {
    let mut decorated = Decorated(false);
    program.visit_with(&mut decorated);
    decorated.0
}

struct Decorated(bool);

impl Visit for Decorated {
    noop_visit_type!();

    fn visit_decorator(&mut self, _: &Decorator) {
        self.0 = true;
    }

    fn visit_auto_accessor(&mut self, _: &AutoAccessor) {
        self.0 = true;
    }
}

fn lower_decorators(program: &mut Program, which: Decorators) {
    match which {
        Decorators::Standard => decorator_2023_11().process(program),
        Decorators::Experimental { metadata } => decorators(decorators::Config {
            legacy: true,
            emit_metadata: metadata,
            use_define_for_class_fields: true,
        })
        .process(program),
    }
}

fn strip(
    program: &mut Program,
    map: &Lrc<SourceMap>,
    comments: &SingleThreadedComments,
    marks: Marks,
    language: Language,
    options: &Options,
) {
    let config = Config {
        verbatim_module_syntax: options.verbatim_module_syntax,
        native_class_properties: true,
        ..Config::default()
    };
    match &options.jsx {
        Jsx::Classic { factory, fragment } if language.jsx => {
            // So that the factory's import counts as used.
            let names = TsxConfig {
                pragma: Some(factory.clone().into()),
                pragma_frag: Some(fragment.clone().into()),
            };
            tsx(map.clone(), config, names, comments.clone(), marks.unresolved, marks.top_level)
                .process(program);
        }
        _ => typescript(config, marks.unresolved, marks.top_level).process(program),
    }
}

fn react_options(jsx: &Jsx) -> react::Options {
    match jsx {
        Jsx::Classic { factory, fragment } => react::Options {
            runtime: Some(Runtime::Classic),
            pragma: Some(factory.clone().into()),
            pragma_frag: Some(fragment.clone().into()),
            throw_if_namespace: Some(false),
            ..react::Options::default()
        },
        Jsx::Automatic { source, development } => react::Options {
            runtime: Some(Runtime::Automatic),
            import_source: Some(source.as_str().into()),
            development: Some(*development),
            throw_if_namespace: Some(false),
            ..react::Options::default()
        },
    }
}
