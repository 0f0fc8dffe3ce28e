//! In which order modules run: what a module requests runs before it, and what only an `import()` asks for waits.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Graph;
use super::module::To;

#[derive(Debug, Default)]
pub struct Order {
    /// What runs when the script is loaded, first things first; data before all.
    pub eager: Vec<usize>,
    /// What waits.
    pub lazy: BTreeSet<usize>,
    /// Per module that an `import()` asks for: what of the lazy ones runs for it, itself last.
    pub loads: BTreeMap<usize, Vec<usize>>,
}

pub fn order(graph: &Graph<'_>) -> Order {
    let mut dynamic = BTreeSet::new();
    for module in &graph.modules {
        let targets = module.dynamic.iter().filter_map(|request| module.to.get(request));
        dynamic.extend(targets.filter_map(|to| if let To::Module(index) = to { Some(*index) } else { None }));
    }
    let mut order = Order::default();
    let mut done = BTreeSet::new();
    visit(graph, 0, &mut done, &mut order.eager);
    let data = (0..graph.modules.len()).filter(|index| graph.modules[*index].is_data);
    let waiting: Vec<usize> = data.filter(|index| done.insert(*index)).collect();
    order.eager.splice(0..0, waiting);
    let eager = done.clone();
    for target in dynamic {
        let mut load = Vec::new();
        visit(graph, target, &mut eager.clone(), &mut load);
        order.lazy.extend(&load);
        order.loads.insert(target, load);
    }
    order
}

/// Without calling itself: a chain of a thousand files is no reason to run out of stack.
fn visit(graph: &Graph<'_>, root: usize, done: &mut BTreeSet<usize>, into: &mut Vec<usize>) {
    if !done.insert(root) {
        return;
    }
    let mut open = vec![(root, 0)];
    while let Some((module, next)) = open.last_mut() {
        let requests = &graph.modules[*module].requests;
        let Some(request) = requests.get(*next) else {
            into.push(*module);
            open.pop();
            continue;
        };
        *next += 1;
        if let Some(To::Module(to)) = graph.modules[*module].to.get(request)
            && done.insert(*to)
        {
            open.push((*to, 0));
        }
    }
}
