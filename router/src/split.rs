//! The versions of an app that are called, and which part of its requests each answers.
//!
//! A roll from 0 to 99 chooses. Every roll belongs to exactly one version, so over all 100 the parts come
//! out as they were set. Invariant: the parts of a split make 100 together.

use std::sync::Arc;

use crate::AppRoutes;

/// One more than the highest roll.
pub const ROLLS: u8 = 100;

/// The routes of each version of an app that is called, with its part of the requests.
#[derive(Debug)]
pub struct Split<F>(Parts<F>);

/// One version is a case of its own: it costs a request neither a roll nor a search.
#[derive(Debug)]
enum Parts<F> {
    One(Arc<AppRoutes<F>>),
    /// Each with the roll at which the next one begins.
    Several(Arc<[(u8, Arc<AppRoutes<F>>)]>),
}

/// Parts that leave rolls to nobody, or that overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parts of the versions make {percent} percent together, not 100")]
pub struct InvalidSplit {
    percent: u32,
}

impl<F> Split<F> {
    /// One version that answers everything.
    pub fn whole(routes: Arc<AppRoutes<F>>) -> Self {
        Self(Parts::One(routes))
    }

    /// Versions with their parts, percent. One with 0 percent is never called.
    pub fn new(
        parts: impl IntoIterator<Item = (u8, Arc<AppRoutes<F>>)>,
    ) -> Result<Self, InvalidSplit> {
        let mut parts: Vec<_> = parts.into_iter().filter(|(percent, _)| *percent > 0).collect();
        let percent = parts.iter().map(|(percent, _)| u32::from(*percent)).sum();
        if percent != u32::from(ROLLS) {
            return Err(InvalidSplit { percent });
        }
        if parts.len() == 1 {
            return Ok(Self::whole(parts.remove(0).1));
        }
        let mut end = 0;
        for (part, _) in &mut parts {
            end += *part;
            *part = end;
        }
        Ok(Self(Parts::Several(parts.into())))
    }

    /// The version that a roll below [`ROLLS`] chooses; it is only rolled where there is a choice.
    pub(crate) fn choose(&self, roll: impl FnOnce() -> u8) -> &AppRoutes<F> {
        match &self.0 {
            Parts::One(routes) => routes,
            Parts::Several(parts) => {
                let roll = roll() % ROLLS;
                let chosen = parts.iter().find(|(end, _)| roll < *end);
                &chosen.expect("the last part ends at 100").1
            }
        }
    }
}

impl<F> Clone for Split<F> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Parts::One(routes) => Parts::One(Arc::clone(routes)),
            Parts::Several(parts) => Parts::Several(Arc::clone(parts)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use steading_protocol::{AuthLevel, HttpTrigger};

    use super::*;
    use crate::RouteTable;

    fn version(number: usize) -> Arc<AppRoutes<usize>> {
        let (methods, auth) = (vec![], AuthLevel::Anonymous);
        let trigger = HttpTrigger { route: "x".parse().unwrap(), methods, auth };
        Arc::new(AppRoutes::new([(&trigger, number)]).unwrap())
    }

    fn split(parts: &[u8]) -> Result<Split<usize>, InvalidSplit> {
        Split::new(parts.iter().enumerate().map(|(number, part)| (*part, version(number))))
    }

    #[test]
    fn parts_that_do_not_make_a_hundred_are_refused() {
        for (parts, percent) in [(&[][..], 0), (&[99], 99), (&[50, 51], 101), (&[200, 200], 400)] {
            assert_eq!(split(parts).unwrap_err(), InvalidSplit { percent });
        }
    }

    #[test]
    fn a_single_version_needs_no_roll() {
        for single in [Split::whole(version(7)), split(&[0, 100]).unwrap()] {
            let mut table = RouteTable::default();
            table.insert("a", &[], single);
            let found = table.find(None, "/api/x", &http::Method::GET, || panic!("rolled"));
            assert!([1, 7].contains(&found.unwrap().function));
        }
    }

    #[test]
    fn one_roll_serves_all_the_apps_that_a_request_tries() {
        let mut table = RouteTable::default();
        table.insert("a", &[], split(&[50, 50]).unwrap());
        table.insert("b", &[], split(&[50, 50]).unwrap());
        let mut rolls = 0;
        let roll = || {
            rolls += 1;
            60
        };
        table.find(None, "/api/unknown", &http::Method::GET, roll).unwrap_err();
        assert_eq!(rolls, 1);
    }

    proptest! {
        #[test]
        fn over_all_rolls_each_version_gets_exactly_its_part(
            cuts in proptest::collection::vec(0..=ROLLS, 0..5)
        ) {
            let mut cuts = cuts;
            cuts.extend([0, ROLLS]);
            cuts.sort_unstable();
            let parts: Vec<u8> = cuts.windows(2).map(|cut| cut[1] - cut[0]).collect();
            let mut table = RouteTable::default();
            table.insert("a", &["a.example.org".into()], split(&parts).unwrap());
            for (host, path) in [("a.example.org", "/api/x"), ("b", "/api/x"), ("b", "/functions/a/api/x")] {
                let mut counts = vec![0; parts.len()];
                for roll in 0..ROLLS {
                    let found = table.find(Some(host), path, &http::Method::GET, || roll);
                    counts[found.unwrap().function] += 1;
                }
                prop_assert_eq!(&counts, &parts);
            }
        }
    }
}
