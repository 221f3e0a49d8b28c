//! Which worker gets a request: of two picked at random the one with fewer requests in flight. Pure.
//!
//! Two are enough to keep the load even, and no two gateways agree on the one idle worker and swamp
//! it, as they would if each picked the best of all. A worker that was left alone for its failures is
//! picked only when there is no other.

/// What can be picked.
pub(crate) trait Candidate {
    /// Requests that it has now.
    fn in_flight(&self) -> u32;
    /// Whether it is left alone for its failures.
    fn is_ejected(&self) -> bool;
}

/// Picks by two random numbers, passing over those for which `tried` says so.
pub(crate) fn pick<C: Candidate>(
    candidates: &[C],
    tried: impl Fn(&C) -> bool,
    mut random: impl FnMut(usize) -> usize,
) -> Option<&C> {
    if let Some((one, other)) = two(candidates, &mut random)
        && [one, other].iter().all(|it| !it.is_ejected() && !tried(it))
    {
        return Some(if other.in_flight() < one.in_flight() { other } else { one });
    }
    let untried: Vec<&C> = candidates.iter().filter(|it| !tried(it)).collect();
    let sound: Vec<&C> = untried.iter().filter(|it| !it.is_ejected()).copied().collect();
    let left = if sound.is_empty() { untried } else { sound };
    match two(&left, &mut random) {
        Some((one, other)) => Some(if other.in_flight() < one.in_flight() { other } else { one }),
        None => left.first().copied(),
    }
}

/// Two different ones, when there are so many.
fn two<'c, T>(all: &'c [T], random: &mut impl FnMut(usize) -> usize) -> Option<(&'c T, &'c T)> {
    if all.len() < 2 {
        return None;
    }
    let one = random(all.len());
    let other = random(all.len() - 1);
    Some((&all[one], &all[if other >= one { other + 1 } else { other }]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Worker {
        id: usize,
        in_flight: u32,
        ejected: bool,
    }

    impl Candidate for Worker {
        fn in_flight(&self) -> u32 {
            self.in_flight
        }

        fn is_ejected(&self) -> bool {
            self.ejected
        }
    }

    fn workers(of: &[(u32, bool)]) -> Vec<Worker> {
        let worker = |(id, (in_flight, ejected)): (usize, &(u32, bool))| Worker {
            id,
            in_flight: *in_flight,
            ejected: *ejected,
        };
        of.iter().enumerate().map(worker).collect()
    }

    fn random(max: usize) -> usize {
        rand::random_range(0..max)
    }

    #[test]
    fn the_busiest_of_several_is_never_picked() {
        let workers = workers(&[(5, false), (6, false), (9, false)]);
        for _ in 0..200 {
            assert_ne!(pick(&workers, |_| false, random).unwrap().id, 2);
        }
    }

    #[test]
    fn requests_spread_evenly() {
        let mut workers = workers(&[(0, false); 10]);
        for _ in 0..1000 {
            let id = pick(&workers, |_| false, random).unwrap().id;
            workers[id].in_flight += 1;
        }
        let (least, most) = workers.iter().fold((u32::MAX, 0), |(least, most), it| {
            (least.min(it.in_flight), most.max(it.in_flight))
        });
        assert!(most - least <= 10, "{least} to {most}");
    }

    proptest! {
        #[test]
        fn whoever_is_picked_was_not_tried_and_is_sound_if_anyone_is(
            of in proptest::collection::vec((0..4_u32, any::<bool>()), 0..6),
            tried in proptest::collection::vec(any::<bool>(), 6),
        ) {
            let workers = workers(&of);
            let left: Vec<_> = workers.iter().filter(|it| !tried[it.id]).collect();
            match pick(&workers, |it| tried[it.id], random) {
                None => prop_assert!(left.is_empty()),
                Some(picked) => {
                    prop_assert!(!tried[picked.id]);
                    prop_assert!(!picked.ejected || left.iter().all(|it| it.ejected));
                }
            }
        }
    }
}
