//! The routes of one method of one app: a tree for those without a catch-all, and trees for those with one.
//!
//! A catch-all that shares its place with a parameter is what the tree (matchit) refuses, also when
//! that parameter is only the beginning of another route. Hence one tree of catch-alls per depth, asked only
//! when the first tree has nothing; among those that match, the most literal answers. A catch-all that
//! catches nothing is one of them: its fixed parts stand in a tree of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use steading_protocol::{RouteTemplate, Segment};

use super::{Ambiguous, Match};

/// The routes of one method.
#[derive(Debug)]
pub(super) struct Tree<F> {
    exact: matchit::Router<Leaf<F>>,
    /// Routes that end in a catch-all, by the number of parts before it.
    catch_all: BTreeMap<usize, matchit::Router<Leaf<F>>>,
    /// The same without their last part.
    bare: matchit::Router<Leaf<F>>,
}

#[derive(Clone, Debug)]
struct Leaf<F> {
    function: F,
    parameters: Arc<[String]>,
    /// The kinds of its parts. Of two that match, the lesser answers: a literal goes before a parameter,
    /// a parameter before a catch-all, the first difference decides.
    kinds: Arc<[Kind]>,
}

/// What a part of a shape is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Literal,
    Parameter,
    CatchAll,
}

impl<F> Default for Tree<F> {
    fn default() -> Self {
        let (exact, bare) = (matchit::Router::new(), matchit::Router::new());
        Self { exact, catch_all: BTreeMap::new(), bare }
    }
}

impl<F: Clone> Tree<F> {
    pub(super) fn insert(&mut self, route: &RouteTemplate, function: &F) -> Result<(), Ambiguous> {
        let parameters: Arc<[String]> =
            route.segments().iter().filter_map(Segment::parameter).map(str::to_owned).collect();
        for shape in route.shapes() {
            let (path, kinds) = numbered(&shape);
            let depth = kinds.len();
            let is_catch_all = kinds.last() == Some(&Kind::CatchAll);
            let (function, parameters) = (function.clone(), Arc::clone(&parameters));
            let leaf = Leaf { function, parameters, kinds: kinds.into() };
            let ambiguous = |source| Ambiguous { route: route.clone(), source };
            if is_catch_all {
                let fixed = path.rsplit_once('/').map_or("", |(fixed, _)| fixed);
                self.bare.insert(fixed, leaf.clone()).map_err(ambiguous)?;
                self.catch_all.entry(depth).or_default().insert(path, leaf).map_err(ambiguous)?;
            } else {
                self.exact.insert(path, leaf).map_err(ambiguous)?;
            }
        }
        Ok(())
    }

    /// `rest` is the path below the prefix, such as `/orders/7`, or empty.
    pub(super) fn find(&self, rest: &str) -> Option<Match<F>> {
        let lower = rest.bytes().any(|b| b.is_ascii_uppercase()).then(|| rest.to_ascii_lowercase());
        let key = lower.as_deref().unwrap_or(rest);
        let found = self.exact.at(key).ok().or_else(|| {
            let trees = self.catch_all.values().chain([&self.bare]);
            let found = trees.filter_map(|tree| tree.at(key).ok());
            found.min_by(|one, other| one.value.kinds.cmp(&other.value.kinds))
        })?;
        let leaf = found.value;
        // Literals match without regard to case, values keep theirs: the matched text is cut out of
        // the path as it was sent, at the same offsets.
        let parameters = found.params.iter().zip(leaf.parameters.iter());
        let parameters = parameters
            .map(|((_, value), name)| {
                let start = value.as_ptr().addr() - key.as_ptr().addr();
                let sent = &rest[start..start + value.len()];
                (name.clone(), percent_decode_str(sent).decode_utf8_lossy().into_owned())
            })
            .collect();
        Some(Match { function: leaf.function.clone(), parameters })
    }
}

/// A shape (`orders/{}`) as a matcher path (`/orders/{p0}`), and the kinds of its parts. The names are
/// positions, so that two functions may name one place differently.
fn numbered(shape: &str) -> (String, Vec<Kind>) {
    let mut path = String::new();
    let mut kinds = vec![];
    for (index, part) in shape.split('/').filter(|part| !part.is_empty()).enumerate() {
        path.push('/');
        match part {
            "{}" => {
                kinds.push(Kind::Parameter);
                path.push_str(&format!("{{p{index}}}"));
            }
            "{*}" => {
                kinds.push(Kind::CatchAll);
                path.push_str(&format!("{{*p{index}}}"));
            }
            literal => {
                kinds.push(Kind::Literal);
                path.push_str(literal);
            }
        }
    }
    (path, kinds)
}
